/** All keys of a wrangler file, by how a build treats them. */

/** Keys of a wrangler file that a build honours. */
export const HONOURED: ReadonlySet<string> = new Set([
  'name',
  'main',
  'base_dir',
  'compatibility_date',
  'compatibility_flags',
  'vars',
  'secrets',
  'kv_namespaces',
  'r2_buckets',
  'd1_databases',
  'queues',
  'triggers',
  'services',
  'durable_objects',
  'migrations',
  'exports',
  'assets',
  'pages_build_output_dir',
  'site',
  'wasm_modules',
  'text_blobs',
  'data_blobs',
  'rules',
  'define',
  'alias',
  'hyperdrive',
  'ratelimits',
  'ai',
  'analytics_engine_datasets',
  'unsafe',
  'secrets_store_secrets',
  'version_metadata',
  'env',
])

/**
 * Keys of a wrangler file that a build ignores silently: they concern Cloudflare's deployment, `wrangler dev`
 * or wrangler's bundler, not what the Worker does.
 */
export const WITHOUT_MEANING: ReadonlySet<string> = new Set([
  '$schema',
  'account_id',
  'workers_dev',
  'preview_urls',
  'previews',
  'route',
  'routes',
  'placement',
  'limits',
  'logpush',
  'observability',
  'compliance_region',
  'dev',
  'keep_vars',
  'send_metrics',
  'first_party_worker',
  'dependencies_instrumentation',
  'minify',
  'keep_names',
  'upload_source_maps',
  'preserve_file_names',
  'tsconfig',
  'cache',
  'access',
  // Wrangler file keys that @cloudflare/vite-plugin and older versions of wrangler write.
  'configPath',
  'userConfigPath',
  'topLevelName',
  'definedEnvironments',
  'targetEnvironment',
  'legacy_env',
  'usage_model',
  'type',
  'zone_id',
  'python_modules',
])

/** Keys of a wrangler file that a build leaves out, each with its warning; the Worker runs without them. */
export const WARNED: Readonly<Record<string, string>> = {
  build: 'the command is not run. Run it before the build, so that "main" is there',
  tail_consumers: 'no target sends logs to another Worker; they go to the standard output',
  streaming_tail_consumers: 'no target sends logs to another Worker; they go to the standard output',
  no_bundle: 'the Worker is bundled all the same',
  find_additional_modules:
    'modules are bundled where they are imported; a dynamic import of a computed name finds none',
  jsx_factory: 'JSX is compiled as tsconfig.json says',
  jsx_fragment: 'JSX is compiled as tsconfig.json says',
}

/**
 * Keys of a wrangler file for bindings and features that no target has, with the reason and the nearest
 * alternative.
 */
export const REFUSED: Readonly<Record<string, string>> = {
  ai_search: 'AI Search runs on Cloudflare only. Call its REST API with fetch()',
  ai_search_namespaces: 'AI Search runs on Cloudflare only. Call its REST API with fetch()',
  agent_memory: 'it runs on Cloudflare only. Keep the memory in D1 or KV',
  websearch: 'it runs on Cloudflare only. Call the REST API of a search provider with fetch()',
  browser:
    'Browser Rendering runs on Cloudflare only. Call its REST API with fetch(), or a browser of your own',
  vectorize:
    'Vectorize runs on Cloudflare only. Use pgvector through hyperdrive, or the REST API of a vector store',
  send_email: 'mail is sent by Cloudflare only. Call the REST API of a mail provider with fetch()',
  addresses: 'mail is received by Cloudflare only. Let a mail provider post it to a route of fetch()',
  dispatch_namespaces: 'Workers for Platforms runs on Cloudflare only. Serve many apps with unmoor host',
  worker_loaders: 'Workers are loaded at run time on Cloudflare only. Serve many apps with unmoor host',
  workflows: 'Workflows run on Cloudflare only. Use a queue or a cron',
  pipelines: 'Pipelines run on Cloudflare only. Use a queue with a consumer that writes to R2',
  images: 'the Images binding runs on Cloudflare only. Transform images with a WebAssembly library',
  media: 'the Media binding runs on Cloudflare only',
  stream: 'Stream runs on Cloudflare only. Call its REST API with fetch()',
  mtls_certificates:
    'client certificates belong to Cloudflare. Call the service through a proxy that presents the ' +
    'certificate',
  vpc_services: 'Workers VPC belongs to Cloudflare. Reach the service by its address with fetch()',
  vpc_networks: 'Workers VPC belongs to Cloudflare. Reach the service by its address with fetch()',
  containers: 'Cloudflare Containers run on Cloudflare only. Run the container beside the app',
  cloudchamber: 'Cloudchamber runs on Cloudflare only. Run the container beside the app',
  artifacts: 'it runs on Cloudflare only',
  flagship: 'it runs on Cloudflare only. Use vars, or the REST API of a provider of feature flags',
  logfwdr: 'log forwarding belongs to Cloudflare. Logs go to the standard output',
  unsafe_hello_world: 'unsafe bindings are known to Cloudflare only',
  analytics: 'the Analytics binding runs on Cloudflare only',
  k2: 'K2 streams run on Cloudflare only. Use a queue',
  connect: 'inbound TCP and UDP are a part of no target. Serve HTTP',
}

/**
 * Keys of a wrangler file that a named environment does not inherit from the top level:
 * https://developers.cloudflare.com/workers/wrangler/configuration/#non-inheritable-keys
 */
export const NOT_INHERITED: ReadonlySet<string> = new Set([
  'vars',
  'secrets',
  'durable_objects',
  'kv_namespaces',
  'r2_buckets',
  'd1_databases',
  'queues',
  'services',
  'hyperdrive',
  'ratelimits',
  'ai',
  'analytics_engine_datasets',
  'unsafe',
  'secrets_store_secrets',
  'version_metadata',
  'define',
  ...Object.keys(REFUSED).filter((key) => key !== 'addresses'),
])

/** Keys of a wrangler file that an environment cannot have. */
export const TOP_LEVEL_ONLY: ReadonlySet<string> = new Set([
  'env',
  '$schema',
  'dev',
  'keep_vars',
  'send_metrics',
  'site',
  'alias',
  'pages_build_output_dir',
  'wasm_modules',
  'text_blobs',
  'data_blobs',
])
