/** The parts of the page of responses that come from code: the parameters, and the events. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bug } from '@llama-stack/api'
import type { ResponseEvent } from '@llama-stack/api'
import { responseParameters } from '../packages/server/src/services/responses/request/parameter-table.ts'

const page = join(dirname(fileURLToPath(import.meta.url)), '../docs/responses.md')

/** The page with its tables written anew; all else in it is written by hand. */
export function generateResponsesPage(): string {
  const text = readFileSync(page, 'utf8')
  return replacePart(replacePart(text, 'parameters', toParameterTable()), 'events', toEventTable())
}

const END = '<!-- end of what is generated -->'

function replacePart(text: string, name: string, lines: readonly string[]): string {
  const start = `<!-- generated: ${name} -->`
  const from = text.indexOf(start)
  const to = text.indexOf(END, from)
  if (from < 0 || to < 0) bug(`docs/responses.md has no place for its ${name}`)
  return `${text.slice(0, from)}${[start, '', ...lines, '', ''].join('\n')}${text.slice(to)}`
}

function toParameterTable(): string[] {
  return [
    'Honoured: as OpenAI’s document has it, or as the sentence says. Forwarded: the provider decides. Emulated: done here, by other',
    'means where the model lacks it. Limited: some of its values are refused by name, or reported as dropped.',
    '',
    '| Parameter | State | |',
    '|---|---|---|',
    ...Object.entries(responseParameters).map(([name, { state, how }]) => `| \`${name}\` | ${state} | ${how} |`),
  ]
}

/** When each event is sent; null for what this server never sends. */
const sentWhen: Readonly<Record<ResponseEvent['type'], string | null>> = Object.freeze({
  'response.created': 'first',
  'response.queued': 'second, in the background',
  'response.in_progress': 'before anything is done',
  'response.completed': 'last: it is done, or the client has to act',
  'response.incomplete': 'last: a limit, a content filter, or it was cancelled',
  'response.failed': 'last: something went wrong after the model had begun',
  error: 'in place of the rest, where the stream cannot go on: the server stops, for example',
  'response.output_item.added': 'an item begins, of whatever kind',
  'response.output_item.done': 'it is what it stays',
  'response.content_part.added': 'a part of a message or of reasoning begins',
  'response.content_part.done': 'it ends',
  'response.output_text.delta': 'text, as it is written; log probabilities where they were asked for',
  'response.output_text.done': 'the whole text',
  'response.output_text.annotation.added': 'a page or a file that the text cites',
  'response.refusal.delta': 'the model refuses, or a guardrail does',
  'response.refusal.done': 'the whole refusal',
  'response.reasoning_text.delta': 'what a model thinks, where it says so',
  'response.reasoning_text.done': 'all of it',
  'response.reasoning_summary_part.added': 'a summary of it, where one was asked for',
  'response.reasoning_summary_part.done': 'its end',
  'response.reasoning_summary_text.delta': 'its text',
  'response.reasoning_summary_text.done': 'the whole text',
  'response.function_call_arguments.delta': 'arguments of a call that the client makes',
  'response.function_call_arguments.done': 'all of them',
  'response.custom_tool_call_input.delta': 'the input of a custom tool',
  'response.custom_tool_call_input.done': 'all of it',
  'response.file_search_call.in_progress': 'a search of files begins',
  'response.file_search_call.searching': 'right after it',
  'response.file_search_call.completed':
    'it found what it found; there is no event for one that failed, but its item says so',
  'response.web_search_call.in_progress': 'a search of the web begins',
  'response.web_search_call.searching': 'right after it',
  'response.web_search_call.completed': 'as with files',
  'response.mcp_list_tools.in_progress': 'an MCP server is asked what it offers',
  'response.mcp_list_tools.completed': 'it answered',
  'response.mcp_list_tools.failed': 'it did not; its item says why',
  'response.mcp_call.in_progress': 'a call of an MCP server or of a function of the program',
  'response.mcp_call_arguments.delta': 'its arguments',
  'response.mcp_call_arguments.done': 'all of them',
  'response.mcp_call.completed': 'it gave something',
  'response.mcp_call.failed': 'it failed; the item and the model are told why',
  'response.code_interpreter_call.in_progress': null,
  'response.code_interpreter_call.interpreting': null,
  'response.code_interpreter_call.completed': null,
  'response.code_interpreter_call_code.delta': null,
  'response.code_interpreter_call_code.done': null,
  'response.image_generation_call.in_progress': null,
  'response.image_generation_call.generating': null,
  'response.image_generation_call.completed': null,
  'response.image_generation_call.partial_image': null,
  'response.audio.delta': null,
  'response.audio.done': null,
  'response.audio.transcript.delta': null,
  'response.audio.transcript.done': null,
})

function toEventTable(): string[] {
  const types = Object.entries(sentWhen)
  const sent = types.filter(([, when]) => when !== null)
  const never = types.filter(([, when]) => when === null).map(([type]) => `\`${type}\``)
  return [
    `Of OpenAI’s ${types.length} events, ${sent.length} are sent:`,
    '',
    '| Event | When |',
    '|---|---|',
    ...sent.map(([type, when]) => `| \`${type}\` | ${when} |`),
    '',
    `Never sent, because no model behind chat completions does these things: ${never.join(', ')}.`,
  ]
}
