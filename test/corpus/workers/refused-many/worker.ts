import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'several things that only Cloudflare has, all told at once',
  requests: [],
  refused: `
error: The app cannot be built, for 6 reasons:
  wrangler.jsonc:5, send_email: mail is sent by Cloudflare only. Call the REST API of a mail provider with fetch().
  wrangler.jsonc:9, dispatch_namespaces: Workers for Platforms runs on Cloudflare only. Serve many apps with unmoor host.
  wrangler.jsonc:10, pipelines: Pipelines run on Cloudflare only. Use a queue with a consumer that writes to R2.
  wrangler.jsonc:6, images: the Images binding runs on Cloudflare only. Transform images with a WebAssembly library.
  wrangler.jsonc:8, mtls_certificates: client certificates belong to Cloudflare. Call the service through a proxy that presents the certificate.
  wrangler.jsonc:7, containers: Cloudflare Containers run on Cloudflare only. Run the container beside the app.
`,
})
