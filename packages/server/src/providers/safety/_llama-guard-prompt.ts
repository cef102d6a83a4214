/** The prompt that Llama Guard was trained on: its words are Meta's published input format, to the character. */
import type { ShieldMessage } from '@llama-stack/api'
import type { Hazard } from './_llama-guard-hazards.ts'

/** Llama Guard knows two authors. What a tool says comes from outside, as what a user says. */
const authorOf = ({ role }: ShieldMessage): string => (role === 'assistant' ? 'Agent' : 'User')

/** Asks for a verdict on the last message, in the light of those before it. */
export function toGuardPrompt(
  messages: readonly [...ShieldMessage[], ShieldMessage],
  judged: readonly Hazard[],
): string {
  const author = authorOf(messages[messages.length - 1] ?? messages[0])
  return [
    `Task: Check if there is unsafe content in '${author}' messages in conversations according our safety policy with the below categories.`,
    [
      '<BEGIN UNSAFE CONTENT CATEGORIES>',
      ...judged.map(({ code, name }) => `${code}: ${name}.`),
      '<END UNSAFE CONTENT CATEGORIES>',
    ].join('\n'),
    '<BEGIN CONVERSATION>',
    ...messages.map((message) => `${authorOf(message)}: ${message.text}`),
    '<END CONVERSATION>',
    [
      `Provide your safety assessment for ONLY THE LAST ${author} message in the above conversation:`,
      " - First line must read 'safe' or 'unsafe'.",
      ' - If unsafe, a second line must include a comma-separated list of violated categories.',
    ].join('\n'),
  ].join('\n\n')
}
