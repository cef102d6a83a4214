/** `llama doctor`: runs the checks, prints them, fails when one has to be fixed. */
import type { CommandContext } from './command.ts'
import { checkMachine } from './doctor-machine.ts'
import { checkServices } from './doctor-services.ts'
import { exitCodes } from './exit-code.ts'
import { toOutput } from './output.ts'
import type { Terminal } from './terminal.ts'

/** What one check found. */
export interface Check {
  readonly area: 'machine' | 'providers' | 'server'
  readonly name: string
  /** `failed` has to be fixed, `warning` may be, `off` is neither good nor bad. */
  readonly status: 'ok' | 'warning' | 'failed' | 'off'
  readonly message: string
  readonly fix?: string
}

export interface DoctorOptions {
  readonly url: string
  readonly key: string | undefined
  readonly port: number
  readonly data: string | undefined
  readonly json: boolean
  readonly quiet: boolean
}

/** Checks everything at once and resolves to the exit code. */
export async function doctor({
  options,
  context,
}: {
  options: DoctorOptions
  context: CommandContext
}): Promise<number> {
  const results = await Promise.all([checkMachine(options, context), checkServices(options, context)])
  const checks = results.flat()
  const failed = checks.filter(({ status }) => status === 'failed').length
  const output = toOutput(context, options)
  output.result({ ok: failed === 0, checks }, () => renderChecks(checks, output.terminal))
  if (failed === 0) output.note('Nothing has to be fixed. Start: llama')
  else
    output.note(failed === 1 ? '1 check failed: its fix is above.' : `${failed} checks failed: their fixes are above.`)
  return failed === 0 ? exitCodes.ok : exitCodes.failed
}

const headings = Object.freeze({ machine: 'This machine', providers: 'Providers', server: 'Server' })

/** Renders the checks by area, each fix below its check. */
function renderChecks(checks: readonly Check[], terminal: Terminal): string {
  const { tick, warning, cross, off } = terminal.symbols
  const marks = {
    ok: terminal.paint('green', tick),
    warning: terminal.paint('yellow', warning),
    failed: terminal.paint('red', cross),
    off: terminal.paint('dim', off),
  }
  const width = Math.max(0, ...checks.map(({ name }) => name.length))
  const lines = Object.entries(headings).flatMap(([area, heading]) => {
    const ofArea = checks.filter((check) => check.area === area)
    if (ofArea.length === 0) return []
    const shown = ofArea.flatMap(({ status, name, message, fix }) => [
      `  ${marks[status]} ${name.padEnd(width)}  ${message}`,
      ...(fix === undefined ? [] : [`    ${' '.repeat(width)}  Fix: ${fix}`]),
    ])
    return [terminal.paint('bold', heading), ...shown, '']
  })
  return lines.join('\n')
}
