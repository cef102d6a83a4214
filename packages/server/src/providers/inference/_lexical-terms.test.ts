import { expect, it } from 'vitest'
import { foldText, toContentStems, toStem, toTerms } from './_lexical-terms.ts'

it.each([
  ['reports', 'report'],
  ['reporting', 'report'],
  ['reported', 'report'],
  ['updates', 'update'],
  ['updated', 'update'],
  ['companies', 'company'],
  ['running', 'run'],
  ['stopped', 'stop'],
  ['boxes', 'box'],
  ['quickly', 'quick'],
])('takes %s and %s for one word', (left, right) => {
  expect(toStem(left)).toBe(toStem(right))
})

it.each([
  ['bus', 'bu'],
  ['sing', 's'],
  ['universe', 'universal'],
  ['red', 'r'],
])('keeps %s apart from %s', (left, right) => {
  expect(toStem(left)).not.toBe(toStem(right))
})

it('folds case, accents and compatibility forms', () => {
  expect(foldText('ÅNGSTRÖM')).toBe('angstrom')
  expect(foldText('Straße')).toBe('strasse')
  expect(foldText('ﬁne Ⅳ')).toBe('fine iv')
})

it('keeps the vowel signs of Indic scripts', () => {
  expect(toTerms('हिन्दी भाषा').map(({ word }) => word)).toEqual(['हिन्दी', 'भाषा'])
})

it('pairs the characters of scripts without spaces', () => {
  expect(toTerms('東京タワー in 2020').map(({ word }) => word)).toEqual(['東京', '京タ', 'タワ', 'ワー', 'in', '2020'])
})

it('drops stop words, unless there is nothing else', () => {
  expect([...toContentStems('what is the weather')]).toEqual(['weather'])
  expect([...toContentStems('what is it')]).toEqual(['what', 'is', 'it'])
})
