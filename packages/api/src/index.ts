/** The contract of Llama Stack in TypeScript: routes, schemas, errors, the provider interface. */
export { defineApi, findDuplicateKey } from './route.ts'
export type {
  Access,
  AnyService,
  Api,
  Method,
  ReplyOf,
  RequestOf,
  Route,
  Service,
  Stability,
  StreamDialect,
  WebSocketFacts,
} from './route.ts'
export { errorTable } from './errors.ts'
export type { ErrorCode, ErrorDetails } from './errors.ts'
export { bug, isStackError, StackError } from './stack-error.ts'
export type { FailedAttempt } from './stack-error.ts'
export type { ConfigFault, ErrorRow, ErrorType, ProviderFailure } from './error-row.ts'
export { value } from './reply.ts'
export type { ByteSink, ByteStream, Reply, ReplyHeaders, TextRun } from './reply.ts'
export type { CallContext, Json, JsonObject, Principal, RequestRecord } from './context.ts'
export { defineProvider } from './provider.ts'
export type {
  AdoptedModel,
  AnyProviderDefinition,
  Clock,
  CompletionReply,
  InferenceProvider,
  Log,
  Metadata,
  ModelType,
  NetworkOptions,
  ProviderApi,
  ProviderCall,
  ProviderDefinition,
  ProviderDependencies,
  ProviderEnvironment,
  ProviderHealth,
  ProviderInput,
  ProviderModel,
  RecordingKey,
  StreamQuirks,
  Upstream,
  UpstreamRequest,
  UpstreamResponse,
} from './provider.ts'
export { defineTool } from './stack-tool.ts'
export type { StackTool, StackToolArguments, StackToolCall, StackToolPart } from './stack-tool.ts'
export type {
  GrowingTextCheck,
  SafetyProvider,
  ShieldDescription,
  ShieldMessage,
  ShieldVerdict,
  ShieldViolation,
} from './safety-provider.ts'
export { Moderation, ModerationRequest, ModerationResult, moderationCategories } from './safety/moderation.ts'
export { RegisterShieldRequest, RunShieldRequest, RunShieldResponse, Shield } from './safety/shield.ts'
export type { ShieldedMessage } from './safety/shield.ts'
export { safety } from './safety/routes.ts'
export type { Safety } from './safety/routes.ts'
export type {
  SearchLocation,
  ToolRuntimeProvider,
  WebSearchHit,
  WebSearchRequest,
  WebSearchResult,
} from './tool-runtime-provider.ts'
export { CompletionUsage } from './wire/usage.ts'
export { cursorPage, cursorQuery } from './wire/paging.ts'
export type { CursorPage } from './wire/paging.ts'
export { ChatCompletionRequest, ChatMessage, ChatTool, ToolCall } from './inference/chat-completions.ts'
export {
  ChatChoice,
  ChatChunkChoice,
  ChatCompletion,
  ChatCompletionChunk,
  StoredChatCompletion,
  StoredChatMessage,
} from './inference/chat-replies.ts'
export { Completion, CompletionRequest } from './inference/completions.ts'
export type { CompletionChunk } from './inference/completions.ts'
export { EmbeddingsRequest, EmbeddingsResponse } from './inference/embeddings.ts'
export { DocumentRerankRequest, DocumentRerankResponse, RerankRequest, RerankResponse } from './inference/rerank.ts'
export type { RerankItem } from './inference/rerank.ts'
export { inference } from './inference/routes.ts'
export type { Inference } from './inference/routes.ts'
export { factOrigins, FactSource, Modality, ModelFacts, ModelPrice } from './models/model-facts.ts'
export type { FactName, SourcedFacts } from './models/model-facts.ts'
export { Model, ModelProbeReport, RegisterModelRequest } from './models/model.ts'
export { models } from './models/routes.ts'
export type { Models } from './models/routes.ts'
export { ProviderInfo, ReportedHealth, RouteInfo } from './inspect/reports.ts'
export { inspect } from './inspect/routes.ts'
export type { Inspect } from './inspect/routes.ts'
export { ResponseCacheStatus } from './response-cache/response-cache-status.ts'
export { responseCache } from './response-cache/routes.ts'
export type { ResponseCacheAdmin } from './response-cache/routes.ts'
export { ContentPart, InputContent, OutputContent, OutputText } from './responses/content.ts'
export type {
  Annotation,
  AssistantContent,
  InputFile,
  InputImage,
  InputText,
  LogProb,
  ReasoningText,
  Refusal,
  SummaryText,
  ToolOutput,
} from './responses/content.ts'
export { InputMessage, ItemStatus, KeptMessage, OutputMessage } from './responses/message-items.ts'
export type {
  CompactionItem,
  CustomToolCall,
  CustomToolCallOutput,
  FileSearchCall,
  FunctionCall,
  FunctionCallOutput,
  ReasoningItem,
  WebSearchAction,
  WebSearchCall,
} from './responses/call-items.ts'
export type {
  McpApprovalRequest,
  McpApprovalResponse,
  McpCall,
  McpCallStatus,
  McpListedTool,
  McpListTools,
} from './responses/mcp-items.ts'
export { InputItem, isInputMessage, isItemReference, ItemResource, OutputItem } from './responses/items.ts'
export type { ItemReference } from './responses/items.ts'
export { FileSearchFilter, ResponseTool, ResponseToolChoice } from './responses/tools.ts'
export type {
  CustomTool,
  FileSearchTool,
  FunctionTool,
  McpTool,
  McpToolFilter,
  NamespaceTool,
  RankingOptions,
  UserLocation,
  WebSearchTool,
} from './responses/tools.ts'
export {
  CompactRequest,
  CreateResponseRequest,
  InputTokensRequest,
  ResponseInclude,
  ResponsePrompt,
  ResponseReasoning,
  ResponseText,
  ResponseTextFormat,
} from './responses/request.ts'
export type { ResponseGuardrail } from './responses/request.ts'
export {
  CompactedResponse,
  InputTokenCount,
  ItemPage,
  ListedResponse,
  ResponseDeleted,
  ResponseError,
  ResponseErrorCode,
  ResponseObject,
  ResponsePage,
  ResponseStatus,
  ResponseUsage,
} from './responses/response.ts'
export type { IncompleteDetails } from './responses/response.ts'
export { ResponseErrorEvent, ResponseEvent } from './responses/events.ts'
export { responses } from './responses/routes.ts'
export type { Responses } from './responses/routes.ts'
export {
  Conversation,
  ConversationDeleted,
  CreateConversationItemsRequest,
  CreateConversationRequest,
  UpdateConversationRequest,
} from './conversations/conversation.ts'
export { conversations } from './conversations/routes.ts'
export type { Conversations } from './conversations/routes.ts'
export {
  CreatePromptRequest,
  Prompt,
  PromptList,
  SetDefaultVersionRequest,
  UpdatePromptRequest,
} from './prompts/prompt.ts'
export { prompts } from './prompts/routes.ts'
export type { Prompts } from './prompts/routes.ts'
export { Connector, ConnectorLogin, ToolDefinition } from './connectors/connector.ts'
export { connectors } from './connectors/routes.ts'
export type { Connectors } from './connectors/routes.ts'
