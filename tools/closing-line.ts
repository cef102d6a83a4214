/** A vitest reporter that ends the run with the line `N passed, N failed, N skipped`, which CI counts tests by. */
import type { TestModule } from 'vitest/node'

export default class ClosingLine {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const state = test.result().state
        if (state === 'passed' || state === 'failed') counts[state] += 1
        else counts.skipped += 1
      }
      // A file that cannot be loaded has no tests, and must not pass for that.
      counts.failed += module.errors().length
    }
    counts.failed += unhandledErrors.length
    process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
  }
}
