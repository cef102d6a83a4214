/** What this server is and has: health, version, routes, providers, and the same under admin. */
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import {
  Health,
  ProviderId,
  ProviderInfo,
  ProviderList,
  Readiness,
  RouteFilter,
  RouteList,
  Version,
} from './reports.ts'

export const inspect = defineApi({
  health: {
    method: 'GET',
    path: '/v1/health',
    access: 'public',
    summary: 'Say that the process is alive.',
    get response() {
      return Health
    },
    tag: 'Inspect',
  },
  ready: {
    method: 'GET',
    path: '/v1/health/ready',
    access: 'public',
    summary: 'Say whether new requests are welcome: 503 while the server starts or shuts down.',
    description:
      'A provider that fails does not make the server unready: its other providers would be lost with it. `/readyz` is the same without names.',
    get response() {
      return Readiness
    },
    errors: ['server_not_ready'],
    tag: 'Inspect',
  },
  version: {
    method: 'GET',
    path: '/v1/version',
    access: 'public',
    summary: 'Say which version runs.',
    get response() {
      return Version
    },
    tag: 'Inspect',
  },
  listRoutes: {
    method: 'GET',
    path: '/v1/inspect/routes',
    access: 'read',
    summary: 'List the routes and the providers behind them.',
    get query() {
      return RouteFilter
    },
    get response() {
      return RouteList
    },
    tag: 'Inspect',
  },
  listProviders: {
    method: 'GET',
    path: '/v1/providers',
    access: 'read',
    summary: 'List the configured providers with their health.',
    description: 'Health is what calls, lists and probes told before; no provider is asked for it.',
    get response() {
      return ProviderList
    },
    tag: 'Providers',
  },
  retrieveProvider: {
    method: 'GET',
    path: '/v1/providers/{provider_id}',
    access: 'read',
    summary: 'Fetch one provider.',
    get params() {
      return ProviderId
    },
    get response() {
      return ProviderInfo
    },
    errors: ['provider_not_found'],
    tag: 'Providers',
  },
  adminHealth: {
    method: 'GET',
    path: '/v1alpha/admin/health',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Health, for those who may administer.',
    get response() {
      return Health
    },
    tag: 'Admin',
  },
  adminVersion: {
    method: 'GET',
    path: '/v1alpha/admin/version',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Version, for those who may administer.',
    get response() {
      return Version
    },
    tag: 'Admin',
  },
  adminListRoutes: {
    method: 'GET',
    path: '/v1alpha/admin/inspect/routes',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Routes, for those who may administer.',
    get query() {
      return RouteFilter
    },
    get response() {
      return RouteList
    },
    tag: 'Admin',
  },
  adminListProviders: {
    method: 'GET',
    path: '/v1alpha/admin/providers',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Providers, for those who may administer.',
    get response() {
      return ProviderList
    },
    tag: 'Admin',
  },
  adminRetrieveProvider: {
    method: 'GET',
    path: '/v1alpha/admin/providers/{provider_id}',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'One provider, for those who may administer.',
    get params() {
      return ProviderId
    },
    get response() {
      return ProviderInfo
    },
    errors: ['provider_not_found'],
    tag: 'Admin',
  },
})

export type Inspect = Service<typeof inspect>
