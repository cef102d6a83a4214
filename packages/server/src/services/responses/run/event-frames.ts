/** Events as the frames of a stream: WHATWG HTML, section 9.2, with the `event:` line that OpenAI sends. */
import type { ByteSink } from '@llama-stack/api'
import { BEFORE_NUMBER } from '../../../storage/delta-run.ts'
import type { DeltaRun } from '../../../storage/delta-run.ts'

/** Every event begins with its type. */
const TYPE_START = '{"type":"'.length

/** Frames an event. */
export function toFrame(json: string): string {
  return `${toFrameHead(json)}${json}\n\n`
}

/** The frames of the events of a run from `index` on, about as many as have `length` characters, and how many these are. */
export function toRunFrames(
  { head, rest, first, values }: DeltaRun,
  index: number,
  length: number,
): { readonly frames: string; readonly count: number } {
  const begin = toFrameHead(head) + head
  const end = `${rest}\n\n`
  // Between one value and the next, but for its number.
  const between = end + begin
  // Within a bundle an import of another of its files is a getter.
  const beforeNumber = BEFORE_NUMBER
  // Added piece by piece: a list that is joined takes half as long again.
  let frames = ''
  let gap = begin
  let at = index
  for (let total = 0; at < values.length && total < length; at += 1) {
    const value = values[at] ?? ''
    frames += `${gap}${value}${beforeNumber}${first + at}`
    gap = between
    total += between.length + value.length + beforeNumber.length
  }
  return { frames: frames + end, count: at - index }
}

function toFrameHead(json: string): string {
  return `event: ${json.slice(TYPE_START, json.indexOf('"', TYPE_START))}\ndata: `
}

/** Gives a framed text to a sink in the form that the sink writes fastest. */
export function pushFrame(sink: ByteSink, frame: string): void {
  // As many bytes as characters: all of them are ASCII.
  if (sink.text !== undefined && Buffer.byteLength(frame) === frame.length) sink.text(frame)
  else sink.data(Buffer.from(frame))
}
