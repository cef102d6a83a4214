/** Chooses the tool to call by the words that a prompt shares with the tools, as far as the request leaves the choice. */
import { StackError } from '@llama-stack/api'
import type { ChatCompletionRequest } from '@llama-stack/api'
import { fillArguments, findOnlyText } from './_demo-arguments.ts'
import { toEvidence } from './_demo-evidence.ts'
import type { Evidence } from './_demo-evidence.ts'
import type { DemoToolCall } from './_demo-reply.ts'
import { propertiesOf, resolveSchema, toList } from './_demo-schema.ts'
import { isRecord } from '../../kernel/json-record.ts'
import { toContentStems } from './_lexical-terms.ts'

interface Tool {
  readonly name: string
  readonly description: string
  readonly parameters: unknown
}

/** How free the choice is: `named` and `required` always call, `none` never does. */
interface Choice {
  readonly mode: 'none' | 'auto' | 'required' | 'named'
  readonly tools: readonly Tool[]
}

const NAME_WEIGHT = 3
const VERB_WEIGHT = 1
const MAX_DESCRIPTION_SCORE = 4
const CALCULATION_WEIGHT = 4
/** One word of a tool's name, or three of its description. */
const ENOUGH = 3
const MAX_PARALLEL_CALLS = 4
const ASKS_FOR_TOOLS = /\b(?:use|using|call|invoke)\s+(?:\w+\s+){0,2}(?:tools?|functions?)\b/i
/** What half of all tools are called: they tell nothing about one. */
const COMMON_VERBS: ReadonlySet<string> = toContentStems(
  'get set list fetch run call use make create find search lookup query show read tool function current',
)

/** Returns the calls to make, or undefined to answer in words. `answered` tells that tools have had their turn. */
export function chooseTools(
  request: ChatCompletionRequest,
  question: string,
  answered: boolean,
): { calls: readonly DemoToolCall[]; named: boolean } | undefined {
  const { mode, tools } = readChoice(request)
  if (mode === 'none' || tools.length === 0 || (mode === 'auto' && answered)) return undefined
  const evidence = toEvidence(question)
  const tool = mode === 'auto' ? findTool(tools, evidence) : rankTools(tools, evidence)[0]?.tool
  if (tool === undefined) return undefined
  const calls = request.parallel_tool_calls === false ? [toCall(tool, evidence)] : toCalls(tool, evidence)
  return { calls, named: mode === 'named' }
}

function readChoice(request: ChatCompletionRequest): Choice {
  const tools = (request.tools ?? []).flatMap(({ function: declared }) =>
    declared === undefined
      ? []
      : [{ name: declared.name, description: declared.description ?? '', parameters: declared.parameters ?? {} }],
  )
  const choice = request.tool_choice ?? 'auto'
  if (typeof choice === 'string') return { mode: choice, tools }
  if (choice.type === 'allowed_tools') return readAllowed(choice['allowed_tools'], tools)
  const name = isRecord(choice['function']) ? choice['function']['name'] : choice['name']
  const named = tools.filter((tool) => tool.name === name)
  if (named.length > 0) return { mode: 'named', tools: named }
  throw new StackError('invalid_value', {
    param: 'tool_choice',
    problem: 'it names no tool of this request',
    value: JSON.stringify(name ?? choice.type),
    fix: `Name one of: ${tools.map((tool) => tool.name).join(', ')}.`,
  })
}

function readAllowed(allowed: unknown, tools: readonly Tool[]): Choice {
  const { mode, tools: listed } = isRecord(allowed) ? allowed : {}
  const names = new Set(
    toList(listed).map((tool) => (isRecord(tool) && isRecord(tool['function']) ? tool['function']['name'] : undefined)),
  )
  return { mode: mode === 'required' ? 'required' : 'auto', tools: tools.filter(({ name }) => names.has(name)) }
}

/** The tool that a prompt is about; for a question that none is about, a tool that searches. */
function findTool(tools: readonly Tool[], evidence: Evidence): Tool | undefined {
  const [best] = rankTools(tools, evidence)
  if (best !== undefined && (best.score >= ENOUGH || ASKS_FOR_TOOLS.test(evidence.text))) return best.tool
  return isQuestion(evidence.text) ? (tools.find(searchesFiles) ?? tools.find(searches)) : undefined
}

function rankTools(tools: readonly Tool[], evidence: Evidence): { tool: Tool; score: number }[] {
  const said = toContentStems(evidence.text)
  return tools
    .map((tool) => ({ tool, score: scoreTool(tool, said, evidence) }))
    .toSorted((left, right) => right.score - left.score)
}

function scoreTool(tool: Tool, said: ReadonlySet<string>, { calculation }: Evidence): number {
  const shared = (text: string): string[] => [...toContentStems(spaceOut(text))].filter((stem) => said.has(stem))
  const isSaid = (stem: string): number => (COMMON_VERBS.has(stem) ? VERB_WEIGHT : NAME_WEIGHT)
  const name = shared(tool.name).reduce((sum, stem) => sum + isSaid(stem), 0)
  const described = shared(tool.description).filter((stem) => !COMMON_VERBS.has(stem)).length
  const parameters = propertiesOf(resolveSchema(tool.parameters, tool.parameters))
  const values = parameters.flatMap(([, schema]) => toList(resolveSchema(schema, tool.parameters)['enum']))
  const mentioned = values.filter((value) => typeof value === 'string' && shared(value).length > 0).length
  const calculates =
    calculation !== undefined && /calc|math|arithm|\badd|\bsum\b|multipl/i.test(`${tool.name} ${tool.description}`)
  return (
    name +
    Math.min(described, MAX_DESCRIPTION_SCORE) +
    Math.min(mentioned, 2) +
    Math.min(shared(parameters.map(([parameter]) => parameter).join(' ')).length, 1) +
    (calculates ? CALCULATION_WEIGHT : 0)
  )
}

function spaceOut(name: string): string {
  return name.replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2').replaceAll('_', ' ')
}

function searchesFiles({ name }: Tool): boolean {
  return name === 'file_search' || name === 'knowledge_search'
}

function searches({ name, description, parameters }: Tool): boolean {
  const asksFor = propertiesOf(resolveSchema(parameters, parameters)).map(([parameter]) => parameter)
  return (
    /search|retriev|lookup|knowledge/i.test(`${name} ${description}`) &&
    asksFor.some((parameter) => /query|question|^q$/i.test(parameter))
  )
}

function isQuestion(text: string): boolean {
  return (
    /\?\s*$/m.test(text) ||
    /^\s*(?:please\s+)?(?:who|what|when|where|which|why|how|find|tell|show|list|explain|summari[sz]e|describe|look|search|compare|according)\b/i.test(
      text,
    )
  )
}

/** `the weather in Tokyo and Paris` is one call for each, where the tool takes one place. */
function toCalls(tool: Tool, evidence: Evidence): DemoToolCall[] {
  const parameter = findOnlyText(tool.parameters)
  const values = evidence.quotes.length > 1 ? evidence.quotes : evidence.names
  if (parameter === undefined || values.length < 2 || !isEnumerated(evidence.text, values))
    return [toCall(tool, evidence)]
  return values.slice(0, MAX_PARALLEL_CALLS).map((value) => {
    const narrowed = { ...evidence, quotes: [value], names: [] }
    return {
      name: tool.name,
      arguments: JSON.stringify({ ...fillArguments(tool.parameters, narrowed), [parameter]: value }),
    }
  })
}

/** Whether the values stand side by side, with nothing but commas and `and` between them. */
function isEnumerated(text: string, values: readonly string[]): boolean {
  let at = text.indexOf(values[0] ?? '')
  return values.every((value, index) => {
    const next = text.indexOf(value, at)
    const between = index === 0 ? '' : text.slice(at, next)
    at = next + value.length
    return next !== -1 && /^["'”“`\s]*(?:,|&|and|or)?\s*(?:and|or)?["'”“`\s]*$/i.test(between)
  })
}

function toCall(tool: Tool, evidence: Evidence): DemoToolCall {
  return { name: tool.name, arguments: JSON.stringify(fillArguments(tool.parameters, evidence)) }
}
