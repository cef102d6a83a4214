import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Moderation, moderationCategories } from '@llama-stack/api'
import type { ShieldVerdict } from '@llama-stack/api'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { toModerationResult } from './moderation-result.ts'

const document = fileURLToPath(new URL('../../../../../../shared/spec/openai-spec-2.3.0.yml', import.meta.url))
const isThere = existsSync(document)
if (!isThere) console.warn('SKIPPED: ../shared/spec is absent, so moderations are not held against OpenAI’s document')

const found = (level: 'warn' | 'error', categories: string[], scores?: Record<string, number>): ShieldVerdict => ({
  violation: { level, userMessage: 'No.', categories, metadata: { violation_type: 'x' } },
  ...(scores !== undefined && { scores }),
})

const verdicts: Readonly<Record<string, ShieldVerdict>> = {
  nothing: {},
  'scores alone': { scores: { violence: 0.2, Elections: 0 } },
  'a violation': found('error', ['violence', 'pii/email']),
  'a warning': found('warn', ['pii/email']),
  'a violation with scores': found('error', ['hate'], { hate: 0.9, violence: 0.1 }),
}

/** One entry of the document, read by its indentation: parsing all of it takes seconds. */
function documentedModeration(): object {
  const text = /^ {4}CreateModerationResponse:\n((?: {6}.*\n|\n)*)/m.exec(readFileSync(document, 'utf8'))?.[1] ?? ''
  // What stands there is a schema.
  return parse(text) as object
}

describe.each(Object.entries(verdicts))('of %s', (_name, verdict) => {
  const moderation = { id: 'modr-1', model: 'guard', results: [toModerationResult(verdict)] }

  test('a result has every category of OpenAI', () => {
    const [result] = Moderation.parse(moderation).results
    for (const by of [result?.categories, result?.category_scores, result?.category_applied_input_types]) {
      expect(Object.keys(by ?? {})).toEqual(expect.arrayContaining([...moderationCategories]))
    }
  })

  test.skipIf(!isThere)('a result is what OpenAI’s document says (where ../shared/spec is)', () => {
    const isModeration = new Ajv({ strict: false }).compile(documentedModeration())
    expect(isModeration(moderation), JSON.stringify(isModeration.errors)).toBe(true)
  })
})

test('what is only to be reported is not flagged, and its category is told', () => {
  expect(toModerationResult(found('warn', ['pii/email']))).toMatchObject({
    flagged: false,
    categories: { 'pii/email': true, violence: false },
    user_message: 'No.',
  })
})

test('scores are the shield’s where it scores, and 0 or 1 elsewhere', () => {
  const scored = toModerationResult(found('error', ['hate', 'sexual'], { hate: 0.9, violence: 0.1 }))
  expect(scored.category_scores).toMatchObject({ hate: 0.9, violence: 0.1, sexual: 1, illicit: 0 })
})
