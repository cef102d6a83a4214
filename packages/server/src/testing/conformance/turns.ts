/** What the scripted models of the suite say. */
import type { VendorTurn } from './vendor-script.ts'

const usage = Object.freeze({ inputTokens: 11, outputTokens: 7 })

/** Characters of one to four bytes, so that a cut may fall inside of one. */
export const textTurn: VendorTurn = Object.freeze({
  pieces: ['Rain', ' is', ' likely', ': ', '☔ ', 'à Zürich', ' 🌧'],
  toolCalls: [],
  finish: 'stop',
  usage,
})

export const lengthTurn: VendorTurn = Object.freeze({ ...textTurn, finish: 'length' })

export const filteredTurn: VendorTurn = Object.freeze({
  pieces: ['I would rather not.'],
  toolCalls: [],
  finish: 'content_filter',
  usage,
})

export const toolTurn: VendorTurn = Object.freeze({
  pieces: [],
  toolCalls: [{ id: 'call_1', name: 'get_weather', arguments: { city: 'Zürich', days: 2, units: ['°C'] } }],
  finish: 'tool_calls',
  usage,
})

export const parallelTurn: VendorTurn = Object.freeze({
  pieces: ['Let me look.'],
  toolCalls: [
    { id: 'call_1', name: 'get_weather', arguments: { city: 'Bern' } },
    { id: 'call_2', name: 'get_weather', arguments: { city: 'Oslo' } },
  ],
  finish: 'tool_calls',
  usage,
})

export const structuredTurn: VendorTurn = Object.freeze({
  pieces: ['{"rain"', ':true,', '"millimetres":4}'],
  toolCalls: [],
  finish: 'stop',
  usage,
})
