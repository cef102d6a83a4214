/** The tool of all comparisons, as an MCP server lists it: it says what it is told. */
export const mcpEchoTool = {
  name: 'echo',
  description: 'Says the text again.',
  inputSchema: {
    type: 'object',
    properties: { text: { type: 'string', description: 'What is to be said again.' } },
    required: ['text'],
    additionalProperties: false,
  },
} as const
