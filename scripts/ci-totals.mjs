/**
 * Prints `N passed, N failed, N skipped` from vitest's JSON report, the names of skipped tests before it; a skipped
 * test fails CI, where everything that a test needs is installed; the exception are tests of file permissions, where CI runs as root.
 */
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const tests = report.testResults.flatMap((file) => file.assertionResults);
const of = (...statuses) => tests.filter((test) => statuses.includes(test.status));
const passed = of('passed');
const failed = of('failed');
const skipped = of('skipped', 'pending', 'todo', 'disabled');

for (const test of skipped) console.log(`skipped: ${test.fullName}`);
/** Root is never refused a file, so that these say nothing when they run as root. */
const notForRoot = new Set(['files that cannot be used include files without permission']);
const isRoot = process.getuid?.() === 0;
const missingTool = skipped.filter((test) => !(isRoot && notForRoot.has(test.fullName)));
if (passed.length === 0 || failed.length > 0 || missingTool.length > 0) process.exitCode = 1;
console.log(`${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
