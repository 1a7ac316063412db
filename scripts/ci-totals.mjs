/**
 * Prints `N passed, N failed, N skipped` from vitest's JSON report, the names of skipped tests before it; a skipped
 * test fails CI, where everything that a test needs is installed; the exception is a test of file permissions, which root has not.
 */
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const tests = report.testResults.flatMap((file) => file.assertionResults);
const of = (...statuses) => tests.filter((test) => statuses.includes(test.status));
const passed = of('passed');
const failed = of('failed');
const skipped = of('skipped', 'pending', 'todo', 'disabled');

for (const test of skipped) console.log(`skipped: ${test.fullName}`);
const missingTool = skipped.filter(
  (test) => !/root|permission|read-only|writable/i.test(test.fullName),
);
if (passed.length === 0 || failed.length > 0 || missingTool.length > 0) process.exitCode = 1;
console.log(`${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
