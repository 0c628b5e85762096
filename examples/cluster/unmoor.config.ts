import { defineConfig, type DriverConfig } from 'unmoor'

// Pictures are in a folder that all replicas see, which is right for one machine.
// ICONS=s3 at the build puts them into a bucket (UNMOOR_BUCKET), for several machines.
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
        // A message whose replica died comes again after these seconds.
        clicks: { driver: 'nats', ackWait: 10 },
        lostClicks: 'nats',
        icons,
      },
      // Longer than a restart of Postgres takes, which leases run on through: a report is made twice where
      // its lease ran out meanwhile.
      options: { cronStore: 'postgres', cronLease: 15, trustProxy: true },
    },
  },
})
