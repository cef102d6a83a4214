/** What is said about words that no command answers to. */
import { StackError } from '@llama-stack/api'
import { findNearest } from '../kernel/nearest.ts'

/** The usage error for these words, with the nearest of the paths that there are. */
export function unknownCommand(words: readonly string[], paths: readonly string[]): StackError {
  const typed = words.join(' ')
  const nearest = findNearest(typed, paths)
  const looksLikeFile = /[./\\]/.test(typed)
  return new StackError('command_usage', {
    problem: `No command '${typed}'.${nearest === undefined ? '' : ` Did you mean: llama ${nearest}?`}`,
    fix: looksLikeFile ? `To start a configuration file: llama run ${typed}` : 'See llama --help.',
  })
}
