/** A yes-or-no question on the terminal. */
import type { CommandContext } from './command.ts'

/** Asks on stderr; Enter means yes. */
export async function confirm(question: string, { stdin, stderr }: CommandContext): Promise<boolean> {
  stderr.write(`${question} [Y/n] `)
  for await (const chunk of stdin) return /^(?:y|yes)?$/i.test(String(chunk).trim())
  return false
}
