/**
 * Items of tools that the stack does not run: computers, shells, patches, images, code. They are carried from a client to a
 * provider that can, and back, so only what tells them apart is described.
 */
import * as z from 'zod'

const id = z.string()
const call_id = z.string()
const status = z.string().nullish()

export const ComputerCall = z
  .looseObject({
    type: z.literal('computer_call'),
    id,
    call_id,
    status,
    action: z.looseObject({ type: z.string() }).nullish(),
    actions: z.array(z.looseObject({ type: z.string() })).nullish(),
    pending_safety_checks: z.array(z.looseObject({ id: z.string() })).nullish(),
  })
  .meta({ id: 'ComputerCall' })

export const ComputerCallOutput = z
  .looseObject({
    type: z.literal('computer_call_output'),
    id,
    call_id,
    status,
    output: z.looseObject({
      type: z.literal('computer_screenshot'),
      image_url: z.string().nullish(),
      file_id: z.string().nullish(),
    }),
    acknowledged_safety_checks: z.array(z.looseObject({ id: z.string() })).nullish(),
  })
  .meta({ id: 'ComputerCallOutput' })

export const ImageGenerationCall = z
  .looseObject({ type: z.literal('image_generation_call'), id, status, result: z.string().nullish() })
  .meta({ id: 'ImageGenerationCall' })

export const CodeInterpreterCall = z
  .looseObject({
    type: z.literal('code_interpreter_call'),
    id,
    status,
    container_id: z.string(),
    code: z.string().nullish(),
    outputs: z.array(z.looseObject({ type: z.enum(['logs', 'image']) })).nullish(),
  })
  .meta({ id: 'CodeInterpreterCall' })

export const LocalShellCall = z
  .looseObject({
    type: z.literal('local_shell_call'),
    id,
    call_id,
    status,
    action: z.looseObject({ type: z.literal('exec'), command: z.array(z.string()) }),
  })
  .meta({ id: 'LocalShellCall' })

export const LocalShellCallOutput = z
  .looseObject({ type: z.literal('local_shell_call_output'), id, status, output: z.string() })
  .meta({ id: 'LocalShellCallOutput' })

export const ShellCall = z
  .looseObject({
    type: z.literal('shell_call'),
    id,
    call_id,
    status,
    action: z.looseObject({ commands: z.array(z.string()) }),
    environment: z.looseObject({ type: z.string() }).nullish(),
  })
  .meta({ id: 'ShellCall' })

export const ShellCallOutput = z
  .looseObject({
    type: z.literal('shell_call_output'),
    id,
    call_id,
    status,
    output: z.array(
      z.looseObject({
        stdout: z.string(),
        stderr: z.string(),
        outcome: z.looseObject({ type: z.enum(['timeout', 'exit']) }),
      }),
    ),
  })
  .meta({ id: 'ShellCallOutput' })

export const ApplyPatchCall = z
  .looseObject({
    type: z.literal('apply_patch_call'),
    id,
    call_id,
    status,
    operation: z.looseObject({ type: z.enum(['create_file', 'delete_file', 'update_file']), path: z.string() }),
  })
  .meta({ id: 'ApplyPatchCall' })

export const ApplyPatchCallOutput = z
  .looseObject({ type: z.literal('apply_patch_call_output'), id, call_id, status, output: z.string().nullish() })
  .meta({ id: 'ApplyPatchCallOutput' })

export const ToolSearchCall = z
  .looseObject({
    type: z.literal('tool_search_call'),
    id,
    call_id: z.string().nullish(),
    status,
    execution: z.enum(['server', 'client']).nullish(),
    arguments: z.unknown().optional(),
  })
  .meta({ id: 'ToolSearchCall' })

export const ToolSearchOutput = z
  .looseObject({
    type: z.literal('tool_search_output'),
    id,
    call_id: z.string().nullish(),
    status,
    execution: z.enum(['server', 'client']).nullish(),
    tools: z.array(z.looseObject({ type: z.string() })),
  })
  .meta({ id: 'ToolSearchOutput' })
