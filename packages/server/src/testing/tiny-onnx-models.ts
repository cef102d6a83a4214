/** Model folders as Hugging Face lays them out, with graphs and tokenisers so small that results can be checked by hand. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encodeTinyOnnx } from './tiny-onnx.ts'
import type { TinyGraph, TinyValue } from './tiny-onnx.ts'

/** The words of the tiny tokeniser; a word's id is its place. */
export const TINY_WORDS = Object.freeze([
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  'red',
  'blue',
  'green',
  '##ish',
  'query',
  ':',
])

/** What the tiny embedding graph says of each word, two numbers each: easy to pool by hand. */
export const TINY_VECTORS: readonly (readonly [number, number])[] = Object.freeze([
  [100, 100],
  [9, 9],
  [1, 0],
  [0, 1],
  [3, 4],
  [-3, 4],
  [8, 6],
  [1, 1],
  [50, 50],
  [70, 70],
])

/** Writes a folder: objects as JSON, bytes as they are. */
export async function writeModelFolder(folder: string, files: Readonly<Record<string, object>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content instanceof Uint8Array ? content : JSON.stringify(content))
  }
}

const perToken = (name: string): TinyValue => ({ name, type: 'int64', shape: ['batch', 'sequence'] })
const bertInputs = Object.freeze(['input_ids', 'attention_mask', 'token_type_ids'].map(perToken))

/** An embedding model: the vector of a token is looked up in {@link TINY_VECTORS}. Padding would show at once. */
export function tinyEmbeddingFiles(): Record<string, object> {
  return {
    'config.json': {
      architectures: ['BertModel'],
      model_type: 'bert',
      hidden_size: 2,
      vocab_size: TINY_WORDS.length,
      type_vocab_size: 2,
      max_position_embeddings: 64,
    },
    'modules.json': [
      { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
      { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
      { idx: 2, name: '2', path: '2_Normalize', type: 'sentence_transformers.models.Normalize' },
    ],
    '1_Pooling/config.json': { word_embedding_dimension: 2, pooling_mode_mean_tokens: true },
    'sentence_bert_config.json': { max_seq_length: 8, do_lower_case: false },
    'config_sentence_transformers.json': { prompts: { query: 'query: ', document: '' }, default_prompt_name: null },
    'tokenizer_config.json': { model_max_length: 64, pad_token: '[PAD]' },
    'tokenizer.json': tinyWordPiece(),
    'onnx/model.onnx': encodeTinyOnnx({
      inputs: bertInputs,
      outputs: [{ name: 'last_hidden_state', type: 'float32', shape: ['batch', 'sequence', 2] }],
      constants: [{ name: 'table', type: 'float32', shape: [TINY_VECTORS.length, 2], values: TINY_VECTORS.flat() }],
      nodes: [{ operator: 'Gather', inputs: ['table', 'input_ids'], output: 'last_hidden_state' }],
    }),
  }
}

/** A cross-encoder: its logit is the sum of what its tokens weigh, those of the second text ten times as much. */
export function tinyCrossEncoderFiles(weights: readonly number[]): Record<string, object> {
  const graph: TinyGraph = {
    inputs: bertInputs,
    outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 1] }],
    constants: [
      { name: 'weights', type: 'float32', shape: [weights.length, 1], values: weights },
      { name: 'factors', type: 'float32', shape: [2, 1], values: [1, 10] },
      { name: 'last', type: 'int64', shape: [1], values: [2] },
      { name: 'tokens', type: 'int64', shape: [1], values: [1] },
    ],
    nodes: [
      { operator: 'Gather', inputs: ['weights', 'input_ids'], output: 'weight' },
      { operator: 'Gather', inputs: ['factors', 'token_type_ids'], output: 'factor' },
      { operator: 'Cast', inputs: ['attention_mask'], output: 'mask', attributes: { to: 1 } },
      { operator: 'Unsqueeze', inputs: ['mask', 'last'], output: 'column' },
      { operator: 'Mul', inputs: ['weight', 'factor'], output: 'weighted' },
      { operator: 'Mul', inputs: ['weighted', 'column'], output: 'masked' },
      { operator: 'ReduceSum', inputs: ['masked', 'tokens'], output: 'logits', attributes: { keepdims: 0 } },
    ],
  }
  return {
    'config.json': {
      architectures: ['BertForSequenceClassification'],
      model_type: 'bert',
      vocab_size: TINY_WORDS.length,
      type_vocab_size: 2,
      max_position_embeddings: 12,
    },
    'tokenizer_config.json': { pad_token: '[PAD]' },
    'tokenizer.json': tinyWordPiece(),
    'onnx/model.onnx': encodeTinyOnnx(graph),
  }
}

/** Words that the tiny causal model has beside single bytes. */
const CAUSAL_WORDS = Object.freeze(['yes', 'no', 'cat', 'dog'])
const CHAT_TOKENS = Object.freeze(['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<think>', '</think>'])

/** A causal model in Qwen's manner: each `cat` so far makes `yes` likelier by 1, each `dog` makes `no` likelier by 1. */
export function tinyCausalFiles(): Record<string, object> {
  const { tokenizer, vocabulary } = tinyByteLevel()
  const size = Object.keys(vocabulary).length
  const table = Array.from({ length: size * size }, () => 0)
  const set = (word: string, next: string): void => {
    table[(vocabulary[word] ?? 0) * size + (vocabulary[next] ?? 0)] = 1
  }
  set('cat', 'yes')
  set('dog', 'no')
  const past: TinyValue = { name: 'past_key_values.0.key', type: 'float32', shape: ['batch', 1, 'past', 2] }
  return {
    'config.json': {
      architectures: ['Qwen3ForCausalLM'],
      model_type: 'qwen3',
      vocab_size: size,
      max_position_embeddings: 4096,
    },
    'tokenizer_config.json': { pad_token: '<|endoftext|>', model_max_length: 131_072 },
    'tokenizer.json': tokenizer,
    'onnx/model_quantized.onnx': encodeTinyOnnx({
      inputs: [...['input_ids', 'attention_mask', 'position_ids'].map(perToken), past],
      outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 'sequence', size] }],
      constants: [
        { name: 'table', type: 'float32', shape: [size, size], values: table },
        { name: 'tokens', type: 'int64', shape: [1], values: [1] },
      ],
      nodes: [
        { operator: 'Gather', inputs: ['table', 'input_ids'], output: 'votes' },
        { operator: 'CumSum', inputs: ['votes', 'tokens'], output: 'logits' },
      ],
    }),
  }
}

const special = (id: number, content: string): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
})

/** A tokeniser in BERT's manner over {@link TINY_WORDS}. */
export function tinyWordPiece(words: readonly string[] = TINY_WORDS): object {
  const vocabulary = Object.fromEntries(words.map((word, id) => [word, id]))
  const slot = (id: string, type: number): object => ({ SpecialToken: { id, type_id: type } })
  const text = (id: string, type: number): object => ({ Sequence: { id, type_id: type } })
  const single = [slot('[CLS]', 0), text('A', 0), slot('[SEP]', 0)]
  return {
    version: '1.0',
    added_tokens: words.flatMap((word, id) => (word.startsWith('[') ? [special(id, word)] : [])),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, text('B', 1), slot('[SEP]', 1)],
      special_tokens: {},
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: vocabulary,
    },
  }
}

/** A tokeniser in GPT-2's manner: every byte, and the merges of a few words. */
export function tinyByteLevel(): { tokenizer: object; vocabulary: Readonly<Record<string, number>> } {
  const merges = CAUSAL_WORDS.flatMap((word) =>
    Array.from(word.slice(1), (letter, index) => `${word.slice(0, index + 1)} ${letter}`),
  )
  const merged = merges.map((merge) => merge.replace(' ', ''))
  const words = [...toByteLetters(), ...merged, ...CHAT_TOKENS]
  const vocabulary = Object.fromEntries(words.map((word, id) => [word, id]))
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }
  const split = { type: 'Split', pattern: { Regex: '\\p{L}+|[^\\p{L}]' }, behavior: 'Isolated', invert: false }
  return {
    vocabulary,
    tokenizer: {
      version: '1.0',
      added_tokens: CHAT_TOKENS.map((token) => special(vocabulary[token] ?? 0, token)),
      normalizer: { type: 'NFC' },
      pre_tokenizer: { type: 'Sequence', pretokenizers: [split, byteLevel] },
      post_processor: byteLevel,
      decoder: byteLevel,
      model: { type: 'BPE', dropout: null, unk_token: null, vocab: vocabulary, merges, byte_fallback: false },
    },
  }
}

/** GPT-2 writes each byte as a letter: printable ones as they are, others as letters from 256 on. */
function toByteLetters(): string[] {
  const isShown = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255)
  let hidden = 0
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isShown(byte) ? byte : 256 + hidden++))
}
