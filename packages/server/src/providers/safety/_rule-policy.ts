/** The settings of the rules shield, and what they are compiled to. */
import { isStackError } from '@llama-stack/api'
import * as z from 'zod'
import { builtInRules, injectionRules } from './_built-in-rules.ts'
import type { BuiltInRule } from './_built-in-rules.ts'
import { checkPattern, compilePatterns } from './_pattern-program.ts'
import { ScanPlan } from './_text-scan.ts'
import { toWordPatterns } from './_word-patterns.ts'

const Level = z
  .union([z.boolean(), z.enum(['block', 'warn'])])
  .describe('true and block: it may not pass. warn: it is reported and passes. false: it is not looked for.')
type Level = z.infer<typeof Level>

const PersonalData = z.strictObject({
  email: Level.default(false).describe('Mail addresses. Default: false.'),
  phone: Level.default(false).describe('Phone numbers with their country (E.164). Default: false.'),
  credit_card: Level.default(true).describe('Payment cards whose check digit is right. Default: true.'),
  iban: Level.default(true).describe('Bank accounts whose length and checksum are right. Default: true.'),
  us_ssn: Level.default(true).describe('US social security numbers. Default: true.'),
})

const Secrets = z.strictObject({
  openai_key: Level.default(true).describe('Keys that begin with sk-. Default: true.'),
  aws_key: Level.default(true).describe('Access key ids of AWS. Default: true.'),
  github_token: Level.default(true).describe('Tokens of GitHub. Default: true.'),
  private_key: Level.default(true).describe('PEM blocks of private keys. Default: true.'),
  jwt: Level.default(true).describe('Signed JSON web tokens. Default: true.'),
})

const OwnPattern = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9_-]+$/)
      .describe('Its category is patterns/<name>.'),
    pattern: z
      .string()
      .min(1)
      .describe(
        'A regular expression of JavaScript without look-around and back-references: it takes one pass, so that no text ' +
          'makes it slow. While an answer streams, what may still become a match is held back.',
      ),
    ignore_case: z.boolean().default(true).describe('Default: true.'),
    level: Level.default(true).describe('Default: true.'),
  })
  .superRefine(({ pattern, ignore_case: ignoreCase }, context) => {
    const problem = findPatternFault(pattern, ignoreCase)
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['pattern'], message: problem })
  })

/** What one shield looks for. */
export const RuleSettings = z.strictObject({
  pii: z
    .union([Level, PersonalData])
    .default(() => PersonalData.parse({}))
    .describe('Personal data: all, or each kind.'),
  secrets: z.union([Level, Secrets]).default(true).describe('Keys and tokens: all, or each kind. Default: true.'),
  prompt_injection: Level.default(true).describe(
    'Well-known English phrases that try to talk a model out of its instructions, in what users and tools say. Default: true.',
  ),
  words: z.array(z.string().trim().min(1)).default([]).describe('Words and phrases that may not occur, in any case.'),
  words_level: Level.default(true).describe('Default: true.'),
  patterns: z.array(OwnPattern).default([]).describe('Regular expressions of your own.'),
  max_chars: z.int().min(1).exactOptional().describe('The longest text that passes, in UTF-16 units. Default: any.'),
  message: z.string().min(1).exactOptional().describe('What a user is told. Default: what was found.'),
})
export type RuleSettings = z.infer<typeof RuleSettings>

/** One thing that is looked for. */
export interface Rule extends BuiltInRule {
  readonly category: string
  readonly level: 'block' | 'warn'
}

/** Settings made ready for texts of one kind of author. */
export interface RulePolicy {
  readonly rules: readonly Rule[]
  /** How they are found, in one pass. */
  readonly plan: ScanPlan
  readonly maxChars: number
  readonly message: string | undefined
}

/** Compiles settings. What a model writes is not searched for phrases of prompt injection: it may quote them. */
export function compilePolicy(settings: RuleSettings, author: 'model' | 'others'): RulePolicy {
  const rules = [
    ...groupRules('pii', settings.pii),
    ...groupRules('secrets', settings.secrets),
    ...(author === 'others' ? injectionRules : []).flatMap((rule) =>
      withLevel({ ...rule, category: 'prompt_injection' }, settings.prompt_injection),
    ),
    ...toWordPatterns(settings.words).flatMap((source) =>
      withLevel({ source, ignoreCase: true, category: 'words' }, settings.words_level),
    ),
    ...settings.patterns.flatMap(({ name, pattern, ignore_case: ignoreCase, level }) =>
      withLevel({ source: pattern, ignoreCase, category: `patterns/${name}` }, level),
    ),
  ]
  return {
    rules,
    plan: new ScanPlan(compilePatterns(rules.map(({ source, ignoreCase = false }) => ({ source, ignoreCase })))),
    maxChars: settings.max_chars ?? Infinity,
    message: settings.message,
  }
}

function groupRules(group: keyof typeof builtInRules, levels: Level | Readonly<Record<string, Level>>): Rule[] {
  return Object.entries<BuiltInRule>(builtInRules[group]).flatMap(([name, rule]) =>
    withLevel({ ...rule, category: `${group}/${name}` }, typeof levels === 'object' ? (levels[name] ?? false) : levels),
  )
}

function withLevel(rule: Omit<Rule, 'level'>, level: Level): Rule[] {
  return level === false ? [] : [{ ...rule, level: level === true ? 'block' : level }]
}

function findPatternFault(pattern: string, ignoreCase: boolean): string | undefined {
  try {
    checkPattern({ source: pattern, ignoreCase })
    return undefined
  } catch (error) {
    if (isStackError(error, 'invalid_value')) return error.details.problem
    throw error
  }
}
