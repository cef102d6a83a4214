/** The parts that messages, tool outputs and reasoning of the Responses API are made of. */
import * as z from 'zod'

const ImageDetail = z.enum(['low', 'high', 'auto', 'original'])

export const InputText = z.looseObject({ type: z.literal('input_text'), text: z.string() }).meta({ id: 'InputText' })
export type InputText = z.infer<typeof InputText>

export const InputImage = z
  .looseObject({
    type: z.literal('input_image'),
    image_url: z.string().nullish().describe('An http(s) URL, or a data URL with base64 content.'),
    file_id: z.string().nullish().describe('The id of an uploaded file, in place of `image_url`.'),
    detail: ImageDetail.nullish().describe('Default: auto.'),
  })
  .meta({ id: 'InputImage' })
export type InputImage = z.infer<typeof InputImage>

export const InputFile = z
  .looseObject({
    type: z.literal('input_file'),
    file_id: z.string().nullish(),
    file_data: z.string().nullish().describe('The content as a data URL, or as base64.'),
    file_url: z.string().nullish(),
    filename: z.string().nullish(),
  })
  .meta({ id: 'InputFile' })
export type InputFile = z.infer<typeof InputFile>

/** What a user, a system, or a tool may say. */
export const InputContent = z.discriminatedUnion('type', [InputText, InputImage, InputFile])
export type InputContent = z.infer<typeof InputContent>

/** Where a piece of an answer comes from. */
export const Annotation = z
  .discriminatedUnion('type', [
    z.looseObject({
      type: z.literal('file_citation'),
      file_id: z.string(),
      filename: z.string(),
      index: z.int().describe('Where in the text the citation stands.'),
    }),
    z.looseObject({
      type: z.literal('url_citation'),
      url: z.string(),
      title: z.string(),
      start_index: z.int(),
      end_index: z.int(),
    }),
    z.looseObject({
      type: z.literal('container_file_citation'),
      container_id: z.string(),
      file_id: z.string(),
      filename: z.string(),
      start_index: z.int(),
      end_index: z.int(),
    }),
    z.looseObject({ type: z.literal('file_path'), file_id: z.string(), index: z.int() }),
  ])
  .meta({ id: 'Annotation' })
export type Annotation = z.infer<typeof Annotation>

const TopLogProb = z.looseObject({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()) })

export const LogProb = TopLogProb.extend({ top_logprobs: z.array(TopLogProb) }).meta({ id: 'LogProb' })
export type LogProb = z.infer<typeof LogProb>

export const OutputText = z
  .looseObject({
    type: z.literal('output_text'),
    text: z.string(),
    annotations: z.array(Annotation),
    logprobs: z.array(LogProb),
  })
  .meta({ id: 'OutputText' })
export type OutputText = z.infer<typeof OutputText>

export const Refusal = z.looseObject({ type: z.literal('refusal'), refusal: z.string() }).meta({ id: 'Refusal' })
export type Refusal = z.infer<typeof Refusal>

export const ReasoningText = z
  .looseObject({ type: z.literal('reasoning_text'), text: z.string() })
  .meta({ id: 'ReasoningText' })
export type ReasoningText = z.infer<typeof ReasoningText>

export const SummaryText = z
  .looseObject({ type: z.literal('summary_text'), text: z.string() })
  .meta({ id: 'SummaryText' })
export type SummaryText = z.infer<typeof SummaryText>

/** What an assistant answers. */
export const OutputContent = z.discriminatedUnion('type', [OutputText, Refusal])
export type OutputContent = z.infer<typeof OutputContent>

/** A part that `response.content_part.*` announces: of a message, or of a reasoning item. */
export const ContentPart = z.discriminatedUnion('type', [OutputText, Refusal, ReasoningText])
export type ContentPart = z.infer<typeof ContentPart>

/** What a client may send back as an assistant's words. Clients keep the text and drop what stands around it. */
export const AssistantContent = z.discriminatedUnion('type', [
  OutputText.extend({
    annotations: z.array(z.looseObject({})).nullish(),
    logprobs: z.array(z.looseObject({})).nullish(),
  }),
  Refusal,
  InputText,
])
export type AssistantContent = z.infer<typeof AssistantContent>

/** What a function, a custom tool or a program gave back. */
export const ToolOutput = z.union([z.string(), z.array(InputContent)])
export type ToolOutput = z.infer<typeof ToolOutput>
