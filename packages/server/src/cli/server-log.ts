/** The log of a server that was started by the command line. */
import type { Log } from '@llama-stack/api'
import { createLog } from '../kernel/log.ts'
import type { CommandContext } from './command.ts'
import type { ServeOptions } from './serve-options.ts'
import { findSurroundings } from './surroundings.ts'

/** Lines on stderr: JSON for machines, text for people. */
export function createServerLog(options: ServeOptions, context: CommandContext): Log {
  const format = options.log ?? (findSurroundings(context.env) === 'container' ? 'json' : 'pretty')
  const level = options.verbose ? 'debug' : options.quiet ? 'warn' : 'info'
  return createLog({ format, level, clock: context.clock, write: (line) => context.stderr.write(line) })
}
