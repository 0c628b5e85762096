/** What the build writes to wrangler.jsonc for the app beside this file. */
export const WRANGLER_CONFIG = {
  name: 'cf-app',
  main: 'worker/index.js',
  no_bundle: true,
  compatibility_date: '2026-07-30',
  compatibility_flags: ['enable_request_signal', 'nodejs_als'],
  observability: { enabled: true },
  kv_namespaces: [{ binding: 'LINKS', id: '0123456789abcdef0123456789abcdef' }],
  r2_buckets: [{ binding: 'ICONS', bucket_name: 'cf-app-icons' }],
  d1_databases: [{ binding: 'STATS', database_name: 'cf-app-stats', migrations_dir: 'migrations/stats' }],
  queues: {
    producers: [
      { binding: 'CLICKS', queue: 'cf-app-clicks' },
      { binding: 'DEAD_CLICKS', queue: 'cf-app-dead-clicks' },
    ],
    consumers: [
      {
        queue: 'cf-app-clicks',
        max_batch_size: 10,
        max_batch_timeout: 0,
        max_retries: 1,
        retry_delay: 0,
        max_concurrency: 1,
        dead_letter_queue: 'cf-app-dead-clicks',
      },
      {
        queue: 'cf-app-dead-clicks',
        max_batch_size: 10,
        max_batch_timeout: 0,
        max_retries: 3,
        retry_delay: 0,
        max_concurrency: 1,
      },
    ],
  },
  secrets: { required: ['ADMIN_TOKEN'] },
  upload_source_maps: true,
  vars: { REGION: 'eu' },
  services: [{ binding: 'SELF', service: 'cf-app' }],
  assets: {
    directory: './assets',
    binding: 'FILES',
    html_handling: 'auto-trailing-slash',
    not_found_handling: 'single-page-application',
  },
  triggers: { crons: ['0 3 * * *', '0 4 * * MON'] },
}
