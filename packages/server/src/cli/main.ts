#!/usr/bin/env node
/**
 * The entry of the command line: checks the Node version before it loads anything that an older one cannot read.
 *
 * It imports nothing statically and awaits nothing at the top level, so that the check runs first and the bundle can be
 * CommonJS.
 */
const OLDEST_MAJOR = 24

function isSupported(version: string): boolean {
  return Number(version.split('.')[0]) >= OLDEST_MAJOR
}

async function main(): Promise<void> {
  const [{ dispatch }, { createProcessContext }] = await Promise.all([
    import('./dispatch.ts'),
    import('./process-context.ts'),
  ])
  const code = await dispatch(process.argv.slice(2), createProcessContext(process))
  // Ended by hand, because an idle connection of a finished command would keep the process; what was written goes first.
  process.stdout.write('', () => process.exit(code))
}

if (isSupported(process.versions.node)) {
  void main()
} else {
  process.stderr.write(
    `error[node-version]  Llama Stack needs Node ${OLDEST_MAJOR} or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      `  Fix   install Node ${OLDEST_MAJOR}: https://nodejs.org/en/download\n`,
  )
  process.exitCode = 2
}
