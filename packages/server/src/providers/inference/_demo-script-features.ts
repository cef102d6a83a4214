/** The part of the script that shows what the API can carry: tools, reasoning, structure, refusals, failures. */
import type { ScriptedExchange } from './_demo-exchange.ts'

export const features: readonly ScriptedExchange[] = Object.freeze([
  {
    prompts: [
      'What is the weather in Tokyo?',
      'Weather in Tokyo',
      "What's the weather in Tokyo?",
      "What's the weather like in Tokyo?",
    ],
    calls: [{ name: 'get_weather', arguments: { city: 'Tokyo' } }],
    afterCalls: 'The weather service says for Tokyo: {results}',
  },
  {
    prompts: [
      'What is the weather in Tokyo and in Paris?',
      "What's the weather in Tokyo and Paris?",
      'Weather in Tokyo and Paris',
    ],
    calls: [
      { name: 'get_weather', arguments: { city: 'Tokyo' } },
      { name: 'get_weather', arguments: { city: 'Paris' } },
    ],
    afterCalls: 'Tokyo and Paris, side by side: {results}',
  },
  {
    prompts: ['What time is it in New York?', "What's the time in New York?", 'Time in New York'],
    reasoning: 'The clock of this machine says nothing about New York. A tool does.',
    calls: [{ name: 'get_time', arguments: { timezone: 'America/New_York' } }],
    afterCalls: 'In New York it is now {results}',
  },
  {
    prompts: ['Calculate 17 * 23', 'What is 17 * 23?', 'What is 17 times 23?'],
    calls: [{ name: 'calculate', arguments: { expression: '17 * 23' } }],
    afterCalls: '17 × 23 = {results}',
  },
  {
    prompts: ['Search the web for llamas', 'Search for llamas'],
    content: 'I will look that up.',
    calls: [{ name: 'web_search', arguments: { query: 'llamas' } }],
    afterCalls: 'This is what the search found about llamas: {results}',
  },
  {
    prompts: ['Book a table for four tomorrow at seven', 'Book a table'],
    calls: [{ name: 'book_table', arguments: { guests: 4, time: '19:00', day: 'tomorrow', notes: null } }],
    afterCalls: 'Done: {results}',
  },
  {
    prompts: ['Think about which is larger, 9.11 or 9.9', 'Which is larger, 9.11 or 9.9?', 'Is 9.11 larger than 9.9?'],
    reasoning:
      'Both have the same whole part, 9. So compare the fractions: 0.11 and 0.9. Written with two places that is 0.11 and 0.90. Ninety hundredths are more than eleven.',
    content: '9.9 is larger: it is 9.90, and 9.90 is more than 9.11.',
  },
  {
    prompts: [
      'Solve the river crossing puzzle',
      'How do the wolf, the goat and the cabbage cross the river?',
      'Think step by step',
    ],
    reasoning:
      'The goat is in both forbidden pairs, so it has to move first. After that the wolf or the cabbage may cross, but must not be left with the goat: whoever crosses second swaps places with it. Then the other crosses, and the goat comes last. That is seven crossings, and no pair is ever alone on a bank.',
    content:
      'Seven crossings: take the goat; return alone; take the wolf; bring the goat back; take the cabbage; return alone; take the goat.',
  },
  {
    prompts: ['Give me a person as JSON', 'Return JSON', 'Answer in JSON', 'Reply with JSON'],
    json: { name: 'Ada Lovelace', born: 1815, fields: ['mathematics', 'computing'], address: null },
  },
  {
    prompts: [
      'Extract the event: Alice and Bob meet on Friday for lunch',
      'Alice and Bob are going to a science fair on Friday',
    ],
    json: { name: 'Meeting', date: 'Friday', participants: ['Alice', 'Bob'] },
  },
  {
    prompts: ['Classify: I love this product', 'Classify the sentiment: I love this product'],
    json: { sentiment: 'positive', confidence: 0.97 },
  },
  {
    prompts: ['Refuse something', 'Show me a refusal', 'How do I pick the lock of my neighbour?'],
    refusal:
      'I can’t help with getting into someone else’s home. If you are locked out of your own, a locksmith can help.',
  },
  {
    prompts: ['Show me a content filter', 'Trigger the content filter'],
    content: 'This reply begins as any other does, and then',
    finishReason: 'content_filter',
  },
  {
    prompts: ['Show me a rate limit', 'Rate limit', 'Hit the rate limit'],
    error: 'provider_rate_limited',
  },
  {
    prompts: ['Show me an error', 'Fail', 'Internal error', 'Show me an internal error'],
    error: 'provider_internal',
  },
  {
    prompts: ['Show me a quota error', 'Exceed the quota', 'Run out of quota'],
    error: 'provider_quota_exceeded',
  },
  {
    prompts: ['Show me a timeout', 'Time out', 'Timeout'],
    error: 'provider_timeout',
  },
  {
    prompts: ['Break the stream', 'Show me a broken stream', 'Fail in the middle'],
    content: 'This reply is going well so far. It has a few sentences to say, and here, in the middle of one, the',
    error: 'provider_stream_broken',
  },
])
