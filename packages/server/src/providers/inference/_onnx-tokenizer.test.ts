import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TINY_WORDS, tinyByteLevel, tinyWordPiece } from '../../testing/tiny-onnx-models.ts'
import { ModelTokenizer } from './_onnx-tokenizer.ts'

const open = (json: object, padding?: string) => new ModelTokenizer(new Tokenizer(json, {}), padding)
const special = (id: number, content: string) => ({ id, content, special: true, normalized: false })

/** The part of BERT's own vocabulary (bert-base-uncased) that the texts below need. */
const bertVocabulary = {
  '[PAD]': 0,
  '[UNK]': 100,
  '[CLS]': 101,
  '[SEP]': 102,
  ',': 1010,
  is: 2003,
  my: 2026,
  dog: 3899,
  hello: 7592,
  cute: 10_140,
}

function bert(): ModelTokenizer {
  const { model, ...rest } = tinyWordPiece() as { model: object }
  const names = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'] as const
  return open(
    {
      ...rest,
      added_tokens: names.map((name) => special(bertVocabulary[name], name)),
      model: { ...model, vocab: bertVocabulary },
    },
    '[PAD]',
  )
}

describe('WordPiece', () => {
  test('gives the ids that the documentation of transformers has for BERT', () => {
    const tokenizer = bert()
    const { ids, types } = tokenizer.assemble([tokenizer.cut('Hello, my dog is cute', 64)], 64)
    expect(ids).toEqual([101, 7592, 1010, 2026, 3899, 2003, 10_140, 102])
    expect(types).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
    expect(tokenizer.paddingId).toBe(0)
    expect(tokenizer.leading).toBe(1)
  })

  test('folds case and accents, parts Chinese characters, and says what it does not know', () => {
    expect(bert().cut('HÉLLO\u0000 my\tcute', 64)).toEqual([7592, 2026, 10_140])
    expect(bert().cut('你好', 64)).toEqual([100, 100])
  })

  test('continues words', () => {
    expect(open(tinyWordPiece()).cut('Bluish reddish', 64)).toEqual([TINY_WORDS.indexOf('[UNK]'), 1])
    expect(open(tinyWordPiece()).cut('redish greenish', 64)).toEqual([4, 7, 6, 7])
  })
})

describe('byte-level BPE', () => {
  test('gives the ids that are published for GPT-2', () => {
    const merges = ['H e', 'l l', 'He ll', 'Hell o', 'o r', 'l d', 'Ġ w', 'Ġw or', 'Ġwor ld']
    const pieces = ['H', 'e', 'l', 'o', 'Ġ', 'w', 'r', 'd', 'He', 'll', 'Hell', 'or', 'ld', 'Ġw', 'Ġwor']
    const vocab = { ...Object.fromEntries(pieces.map((piece, id) => [piece, id])), Hello: 15_496, Ġworld: 995 }
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
    const json = {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: byteLevel,
      decoder: byteLevel,
      model: { type: 'BPE', vocab, merges, unk_token: null },
    }
    const tokenizer = open(json)
    expect(tokenizer.assemble([tokenizer.cut('Hello world', 64)], 64).ids).toEqual([15_496, 995])
    // Two texts in a template that knows of one: one after the other.
    expect(tokenizer.assemble([[15_496], [995]], 64).ids).toEqual([15_496, 995])
  })

  test('writes every text in bytes, and takes chat tokens for what they are', () => {
    const { tokenizer, vocabulary } = tinyByteLevel()
    const qwen = open(tokenizer, '<|endoftext|>')
    expect(qwen.cut('cat\n<|im_end|>no', 64)).toEqual([
      vocabulary['cat'],
      vocabulary['Ċ'],
      vocabulary['<|im_end|>'],
      vocabulary['no'],
    ])
    expect(qwen.cut('é', 64)).toEqual([vocabulary['Ã'], vocabulary['©']])
    expect(qwen.findId('yes')).toBe(vocabulary['yes'])
    expect(qwen.paddingId).toBe(vocabulary['<|endoftext|>'])
  })
})

describe('Unigram', () => {
  /** The part of XLM-R's vocabulary that its own example needs; the rest is filled with what no text has. */
  const known: Readonly<Record<number, [string, number]>> = {
    0: ['<s>', 0],
    1: ['<pad>', 0],
    2: ['</s>', 0],
    3: ['<unk>', 0],
    38: ['!', -6],
    8999: ['▁world', -9],
    35_378: ['▁Hello', -11],
  }
  const vocab = Array.from({ length: 35_379 }, (_, id) => known[id] ?? [`\u0001${id}`, -90])
  const json = {
    added_tokens: ['<s>', '<pad>', '</s>', '<unk>'].map((name, id) => special(id, name)),
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: {
      type: 'TemplateProcessing',
      single: ['<s>', 'A', '</s>'].map(toSlot),
      pair: ['<s>', 'A', '</s>', '</s>', 'B', '</s>'].map(toSlot),
      special_tokens: {},
    },
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
    model: { type: 'Unigram', unk_id: 3, vocab },
  }

  function toSlot(id: string): object {
    return id === 'A' || id === 'B' ? { Sequence: { id, type_id: 0 } } : { SpecialToken: { id, type_id: 0 } }
  }

  test('gives the ids that fairseq’s own example has for XLM-R', () => {
    const tokenizer = open(json, '<pad>')
    const cut = tokenizer.cut('Hello world!', 64)
    expect(tokenizer.assemble([cut], 64).ids).toEqual([0, 35_378, 8999, 38, 2])
    expect(tokenizer.assemble([cut, cut], 64).ids).toEqual([0, 35_378, 8999, 38, 2, 2, 35_378, 8999, 38, 2])
    expect(tokenizer.paddingId).toBe(1)
  })
})

describe('a cut', () => {
  const tokenizer = open(tinyWordPiece(), '[PAD]')
  const [cls, sep] = [2, 3]

  test('keeps the special tokens', () => {
    expect(tokenizer.assemble([[4, 5, 6, 4, 5]], 4).ids).toEqual([cls, 4, 5, sep])
  })

  test.each([
    { first: 2, second: 2, max: 9, left: [2, 2] },
    { first: 9, second: 2, max: 9, left: [4, 2] },
    { first: 2, second: 9, max: 9, left: [2, 4] },
    { first: 9, second: 9, max: 9, left: [3, 3] },
    // The longer one keeps the odd token, as in the library of Hugging Face.
    { first: 9, second: 8, max: 8, left: [3, 2] },
    { first: 8, second: 9, max: 8, left: [2, 3] },
  ])('takes tokens off the longer of two texts: $first and $second in $max', ({ first, second, max, left }) => {
    const texts = [Array.from({ length: first }, () => 4), Array.from({ length: second }, () => 5)] as const
    const { ids, types } = tokenizer.assemble(texts, max)
    expect([ids.filter((id) => id === 4).length, ids.filter((id) => id === 5).length]).toEqual(left)
    expect(types.indexOf(1)).toBe(ids.indexOf(sep) + 1)
  })

  test('never leaves more than it may', () => {
    const text = fc.array(fc.constantFrom(4, 5, 6), { maxLength: 30 })
    fc.assert(
      fc.property(text, text, fc.integer({ min: 3, max: 40 }), (first, second, max) => {
        const { ids, types } = tokenizer.assemble([first, second], max)
        expect(ids.length).toBe(Math.min(max, first.length + second.length + 3))
        expect(types.length).toBe(ids.length)
      }),
    )
  })

  test('looks at no more of a long text than could be kept', () => {
    expect(tokenizer.cut('red '.repeat(1000), 10).length).toBe(160)
  })
})
