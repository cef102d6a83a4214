/** The part of the script that is conversation: answers, code, languages, layout, length. */
import type { ScriptedExchange } from './_demo-exchange.ts'

const lines = (...of: string[]): string => of.join('\n')

export const talk: readonly ScriptedExchange[] = Object.freeze([
  {
    prompts: ['Hello', 'Hi', 'Hey', 'Say hello', 'Hello there', 'Hello world', 'Say hi'],
    content:
      'Hello! I am a scripted demo: everything I say was written down beforehand. Ask “What can you do?” to see it.',
  },
  {
    prompts: ['How are you?', 'How are you doing?'],
    content: 'As well as a list of prepared answers can be. How can I show you around?',
  },
  {
    prompts: ['Who are you?', 'What are you?', 'Which model are you?', 'What model are you?'],
    content:
      'I am `demo/scripted`, a part of Llama Stack that works without a model and without a network. My replies are canned; the way they travel to you (streaming, tool calls, usage, errors) is the real thing.',
  },
  {
    prompts: ['Thank you', 'Thanks', 'Thank you very much'],
    content: 'You are welcome. Replace the model name in your code and a real one will answer instead.',
  },
  {
    prompts: ['Goodbye', 'Bye', 'See you'],
    content: 'Goodbye! Nothing I said has left this machine.',
  },
  {
    prompts: ['What is Llama Stack?', 'Explain Llama Stack', 'Tell me about Llama Stack'],
    content: lines(
      'Llama Stack is one server in front of many models. Your program speaks one API to it, and it speaks to whoever runs the model:',
      '',
      '- **Inference**: chat, text completions, embeddings and rerank, routed to any provider',
      '- **State**: completions are kept, and can be listed and read again',
      '- **Recordings**: every call to a provider can be recorded and played back, so tests need no network',
      '',
      'Changing the provider is a change of configuration, not of code.',
    ),
  },
  {
    prompts: ['How do I connect a model?', 'How do I connect a real model?', 'How do I add a provider?'],
    content: lines(
      '1. Start Ollama, vLLM or llama.cpp on this machine, or set the key of a provider, such as `OPENAI_API_KEY` or `TOGETHER_API_KEY`.',
      '2. Start the server again. It finds what is there and says so.',
      '3. Ask for the model `auto`, or pick one from `GET /v1/models`.',
    ),
  },
  {
    prompts: ['What is the capital of France?', 'Capital of France', 'What is the capital city of France?'],
    content: 'The capital of France is Paris.',
  },
  {
    prompts: ['Which planet do humans live on?', 'What planet do we live on?'],
    content: 'Humans live on Earth, the third planet from the Sun.',
  },
  {
    prompts: ['Why is the sky blue?', 'Explain why the sky is blue'],
    content:
      'Sunlight holds all colours. On its way through the air, the short waves, blue and violet, are scattered far more than the long ones, and so blue reaches your eye from every part of the sky. Violet is scattered even more, but the Sun sends less of it and our eyes hardly see it.',
  },
  {
    prompts: ['Tell me a joke', 'Tell a joke', 'Make me laugh'],
    content: 'A regular expression walks into a bar. And into a barn, a barrel and a barbecue.',
  },
  {
    prompts: ['Write a haiku', 'Write a haiku about rain', 'Write me a haiku'],
    content: lines('Rain on the window,', 'each drop a small delta sent.', 'The stream ends: [DONE].'),
  },
  {
    prompts: ['Write a short poem about the sea', 'Write a poem about the sea', 'Write a poem'],
    content: lines(
      'The sea keeps no diary,',
      'it writes on the sand and erases,',
      'and begins every morning',
      'with the same patient phrases.',
    ),
  },
  {
    prompts: ['Count to ten', 'Count from one to ten', 'Count to 10'],
    content: '1, 2, 3, 4, 5, 6, 7, 8, 9, 10',
  },
  {
    prompts: ['List three fruits', 'Name three fruits', 'Give me three fruits'],
    content: lines('- Apple', '- Mango', '- Fig'),
  },
  {
    prompts: ['Write a hello world in Python', 'Hello world in Python', 'Write hello world in Python'],
    content: lines(
      '```python',
      'def main() -> None:',
      '    print("Hello, world!")',
      '',
      '',
      'if __name__ == "__main__":',
      '    main()',
      '```',
    ),
  },
  {
    prompts: ['Write a TypeScript function that reverses a string', 'Reverse a string in TypeScript'],
    content: lines(
      '```ts',
      '/** Reverses what a reader sees as characters, so that 👩‍🚀 stays in one piece. */',
      'export function reverse(text: string): string {',
      '  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })',
      '  return Array.from(segmenter.segment(text), ({ segment }) => segment).reverse().join("")',
      '}',
      '```',
      '',
      'A plain `[...text].reverse()` would take such characters apart.',
    ),
  },
  {
    prompts: ['Write a SQL query for the ten best customers', 'Show me a SQL query'],
    content: lines(
      '```sql',
      'SELECT c.id, c.name, SUM(o.total) AS spent',
      'FROM customers AS c',
      'JOIN orders AS o ON o.customer_id = c.id',
      "WHERE o.status = 'paid'",
      'GROUP BY c.id, c.name',
      'ORDER BY spent DESC',
      'LIMIT 10;',
      '```',
    ),
  },
  {
    prompts: ['Show me a table', 'Make a table of the planets', 'Write a markdown table'],
    content: lines(
      '| Planet | Moons | Day |',
      '| --- | ---: | --- |',
      '| Mercury | 0 | 176 Earth days |',
      '| Venus | 0 | 117 Earth days |',
      '| Earth | 1 | 24 hours |',
      '| Mars | 2 | 24.7 hours |',
    ),
  },
  {
    prompts: ['Show me all of Markdown', 'Show me markdown', 'Format something'],
    content: lines(
      '## A heading',
      '',
      'Text with **strong**, *emphasis*, `code`, ~~struck out~~ and [a link](https://example.com).',
      '',
      '> A quotation',
      '',
      '1. First',
      '2. Second',
      '   - nested',
      '',
      '- [x] done',
      '- [ ] to do',
      '',
      'Inline maths $a^2 + b^2 = c^2$ and a block:',
      '',
      '$$\\int_0^1 x^2\\,dx = \\tfrac{1}{3}$$',
    ),
  },
  {
    prompts: ['Translate good morning to French', 'Translate "good morning" into French', 'Say good morning in French'],
    content: '« Bonjour ».',
  },
  {
    prompts: ['Say something in Japanese', 'Speak Japanese', '日本語で話して'],
    content: 'こんにちは。これは用意された返事です。(Hello. This is a prepared reply.)',
  },
  {
    prompts: ['Say something in Arabic', 'Speak Arabic'],
    content: 'مرحبًا! هذا رد مُعدّ مسبقًا. (Hello! This is a prepared reply.)',
  },
  {
    prompts: ['Show me emoji', 'Send emoji', 'Emoji'],
    content: 'Plain 🙂, with a skin tone 👍🏽, a family 👨‍👩‍👧‍👦, a flag 🇨🇭, and an accent in two parts: e\u0301.',
  },
  {
    prompts: ['Summarise Romeo and Juliet', 'Summarize Romeo and Juliet', 'Summarise Romeo and Juliet in one sentence'],
    content:
      'Two young people of feuding families marry in secret, and a message that arrives too late costs both their lives and ends the feud.',
  },
  {
    prompts: ['Tell me a long story', 'Write a long story', 'Long stream', 'Write a lot'],
    content: longStory(),
  },
])

/** A stream that is long enough to be watched, paused and given up. */
function longStory(): string {
  const keepers = ['Ana', 'Bero', 'Cleo', 'Dima', 'Eli', 'Farah', 'Goran', 'Hana', 'Imre', 'Jun', 'Kofi', 'Lena']
  const findings = [
    'a bottle with a map of an island that no chart had',
    'a clock that ran backwards during storms',
    'the footprints of someone who had walked out of the water',
    'a letter addressed to the next keeper, dated tomorrow',
    'a bell that rang once whenever a ship was saved',
    'a jar of light, labelled in a hand nobody knew',
  ]
  const nights = keepers.map((keeper, index) => {
    const finding = findings[index % findings.length] ?? ''
    return `Night ${index + 1}. ${keeper} climbed the ${120 + index * 7} steps of the lighthouse, trimmed the lamp and wrote down the weather. Towards morning, when the wind turned, ${keeper} found ${finding}. The log says no more than that, for keepers are people of few words; but the lamp burned a little brighter, and on the horizon a ship changed its course.`
  })
  return [
    'The lighthouse at the end of the cape had twelve keepers, one for each night of the long storm.',
    ...nights,
    'When the sea was calm again they compared their notes, and saw that together the twelve findings made one message: keep the light on.',
  ].join('\n\n')
}
