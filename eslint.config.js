import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      'src/rpc/gen/',
      'coverage/',
      '/runs/',
      'bench/.work/',
      '.tmp/',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off', // index access under noUncheckedIndexedAccess
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      'no-restricted-globals': ['error', 'alert'],
      'max-lines': ['error', { max: 500, skipComments: true }],
    },
  },
  {
    // Time and randomness are parameters below the composition roots (docs: ARCHITECTURE.md).
    files: ['src/{coordinator,collective,data,train,state,features,engines,models}/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Take randomness as a parameter.' },
        { object: 'Date', property: 'now', message: 'Take the clock as a parameter.' },
      ],
    },
  },
  {
    // Composition roots.
    files: ['src/coordinator/{coordinator,coordinator-service}.ts', 'src/worker/worker.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'URL', 'Buffer', 'performance', 'setTimeout', 'AbortController'].map(
          (name) => [name, 'readonly'],
        ),
      ),
    },
  },
);
