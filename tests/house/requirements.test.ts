import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  connectors,
  conversations,
  errorTable,
  inference,
  inspect,
  models,
  prompts,
  responses,
  safety,
} from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { behaviourRequirements, routeRequirements } from '../requirements.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

const testFiles = ['packages/api/src', 'packages/server/src', 'tests', 'bench', 'tools'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
    .map((file) => readFileSync(join(root, folder, file), 'utf8')),
)
const allTests = testFiles.join('\n')
const cited = new Set(
  allTests.match(/\[(?:[RB]\d{3}(?:,\s*)?)+\]/g)?.flatMap((group) => group.match(/[RB]\d{3}/g) ?? []),
)

describe('the manifest of requirements', () => {
  test('has every id once', () => {
    const ids = [...routeRequirements, ...behaviourRequirements].map(([id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(routeRequirements).toHaveLength(151)
  })

  test('is cited: each requirement that is done has a test', () => {
    const done = [
      ...routeRequirements.filter(([, , , state]) => state === 'done').map(([id]) => id),
      ...behaviourRequirements.map(([id]) => id),
    ]
    expect(done.filter((id) => !cited.has(id))).toEqual([])
  })

  test('knows every id that a test cites', () => {
    const known = new Set<string>([...routeRequirements, ...behaviourRequirements].map(([id]) => id))
    expect([...cited].filter((id) => !known.has(id))).toEqual([])
  })

  test('calls a route done exactly when it is declared', () => {
    const declared = new Set(
      [inference, models, inspect, safety, connectors, responses, conversations, prompts].flatMap((api) =>
        Object.values(api).map(({ method, path }) => `${method} ${path.replaceAll('*}', '}')}`),
      ),
    )
    const wrong = routeRequirements.filter(([, route, , state]) => (state === 'done') !== declared.has(route))
    expect(wrong).toEqual([])
  })
})

test('each row of the error table is named by some test', () => {
  const unnamed = Object.keys(errorTable).filter(
    (code) => !new RegExp(`['"\`.]${code}\\b`).test(allTests.replaceAll('-', '_')),
  )
  expect(unnamed).toEqual([])
})
