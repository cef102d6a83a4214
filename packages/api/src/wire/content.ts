/** Content parts of chat messages, as OpenAI's document has them. */
import * as z from 'zod'

export const TextPart = z.looseObject({ type: z.literal('text'), text: z.string() }).meta({ id: 'ChatTextPart' })

export const ImagePart = z
  .looseObject({
    type: z.literal('image_url'),
    image_url: z.looseObject({
      url: z.string().describe('An http(s) URL, or a data URL with base64 content.'),
      detail: z.enum(['auto', 'low', 'high']).optional(),
    }),
  })
  .meta({ id: 'ChatImagePart' })

const FilePart = z
  .looseObject({
    type: z.literal('file'),
    file: z.looseObject({
      file_data: z.string().optional(),
      file_id: z.string().optional(),
      filename: z.string().optional(),
    }),
  })
  .meta({ id: 'ChatFilePart' })

const AudioPart = z
  .looseObject({
    type: z.literal('input_audio'),
    input_audio: z.looseObject({ data: z.string(), format: z.string() }),
  })
  .meta({ id: 'ChatAudioPart' })

const RefusalPart = z.looseObject({ type: z.literal('refusal'), refusal: z.string() }).meta({ id: 'ChatRefusalPart' })

export const UserPart = z.discriminatedUnion('type', [TextPart, ImagePart, FilePart, AudioPart])
export type UserPart = z.infer<typeof UserPart>

export const AssistantPart = z.discriminatedUnion('type', [TextPart, RefusalPart])

/** Text of messages whose parts can only be text. */
export const TextContent = z.union([z.string(), z.array(TextPart)])
