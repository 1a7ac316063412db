import { defineConfig } from 'vitest/config';

/** One project per kind of test, so that a developer can run one kind alone (`vitest --project unit`). */
const kinds = ['unit', 'contract', 'sim', 'numerics', 'surface', 'integration', 'fault'];
const slow = new Set(['integration', 'fault']);

export default defineConfig({
  test: {
    pool: 'forks',
    projects: kinds.map((name) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        environment: 'node',
        pool: 'forks' as const,
        testTimeout: slow.has(name) ? 180_000 : 20_000,
        hookTimeout: slow.has(name) ? 180_000 : 30_000,
        ...(slow.has(name) ? { fileParallelism: false } : {}),
      },
    })),
  },
});
