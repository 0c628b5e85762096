import { defineConfig, type DriverConfig } from 'unmoor'

// Pictures are stored in a folder that all replicas see, which fits one machine. For several machines,
// ICONS=s3 at the build stores them in a bucket (UNMOOR_BUCKET).
const icons: DriverConfig<'s3' | 'fs'> =
  process.env['ICONS'] === 's3' ? { driver: 's3' } : { driver: 'fs', path: { env: 'ICONS_DIR' } }

export default defineConfig({
  name: 'links',
  targets: {
    node: {
      drivers: {
        links: 'redis',
        reports: 'redis',
        stats: 'postgres',
        // `ackWait` is in seconds: a message whose replica died is delivered again after that time.
        clicks: { driver: 'nats', ackWait: 10 },
        lostClicks: 'nats',
        icons,
      },
      // `cronLease` is longer than a restart of Postgres takes, because leases expire during a restart too. A
      // report whose lease expired meanwhile is made twice.
      options: { cronStore: 'postgres', cronLease: 15, trustProxy: true },
    },
  },
})
