/** The response cache: what it holds for a caller, and clearing it. */
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import { ResponseCacheCleared, ResponseCacheFilter, ResponseCacheStatus } from './response-cache-status.ts'

export const responseCache = defineApi({
  inspectResponseCache: {
    method: 'GET',
    path: '/v1alpha/admin/response-cache',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Say what the response cache holds for the caller.',
    get response() {
      return ResponseCacheStatus
    },
    tag: 'Admin',
  },
  clearResponseCache: {
    method: 'DELETE',
    path: '/v1alpha/admin/response-cache',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Delete what the response cache holds for the caller.',
    get query() {
      return ResponseCacheFilter
    },
    get response() {
      return ResponseCacheCleared
    },
    tag: 'Admin',
  },
})

export type ResponseCacheAdmin = Service<typeof responseCache>
