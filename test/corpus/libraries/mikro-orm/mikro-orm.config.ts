import { defineConfig } from '@mikro-orm/postgresql'
import { Photo, User } from './entities.ts'

/** What `mikro-orm compile` reads, which never connects; the app adds the address and what was compiled. */
export default defineConfig({
  entities: [User, Photo],
  clientUrl: 'postgres://127.0.0.1/app',
  ensureDatabase: false,
})
