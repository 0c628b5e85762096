import { mkdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkout, linkPackages } from './temp-project.ts'

/** Packages that some template imports, beyond those of every test project. */
const MORE = ['drizzle-orm', '@cloudflare/workers-types', 'wrangler']

/** Links into `dir`/node_modules what a project of any template imports, with this checkout as `unmoor`. */
export async function linkTemplatePackages(dir: string): Promise<void> {
  await linkPackages(dir)
  for (const name of MORE) {
    const link = join(dir, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(checkout, 'node_modules', name), link)
  }
}
