import { join } from 'node:path'
import { chatReply, modelList } from './bodies.ts'

/** What both nginx configurations have in common: one worker, keep-alive for ever, files in the scratch directory. */
function toConfig(scratch: string, inHttp: string): string {
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${join(scratch, `nginx-${name}`)};`)
    .join('\n')
  return `${user}
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${join(scratch, 'nginx.pid')};
error_log ${join(scratch, 'nginx-error.log')} warn;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_timeout 300s;
  keepalive_requests 100000000;
  client_body_buffer_size 8m;
  client_max_body_size 64m;
  tcp_nodelay on;
${temporary}
${inHttp}
}
`
}

/** The mock for replies that do not stream: the fixed reply straight from nginx's memory. */
export function toNginxMockConfig(scratch: string, port: number): string {
  return toConfig(
    scratch,
    `  server {
    listen 127.0.0.1:${port} backlog=4096;
    default_type application/json;
    location = /v1/chat/completions { return 200 '${chatReply}'; }
    location = /v1/models { return 200 '${modelList}'; }
  }`,
  )
}

/** nginx as a plain proxy: what the operating system allows. */
export function toNginxProxyConfig(scratch: string, ports: { listen: number; upstream: number }): string {
  return toConfig(
    scratch,
    `  upstream mock {
    server 127.0.0.1:${ports.upstream};
    keepalive 2048;
    keepalive_requests 100000000;
    keepalive_timeout 300s;
  }
  server {
    listen 127.0.0.1:${ports.listen} backlog=4096;
    location / {
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering on;
      proxy_read_timeout 300s;
    }
  }`,
  )
}
