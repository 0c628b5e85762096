import { fail, redirect } from '@sveltejs/kit'

const table = 'CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)'

export const load = async ({ platform }) => {
  const db = platform.env.DB
  await db.prepare(table).run()
  const { results } = await db.prepare('SELECT id, text FROM notes ORDER BY id').all()
  return { notes: results }
}

export const actions = {
  add: async ({ request, platform }) => {
    const text = String((await request.formData()).get('text') ?? '')
    if (text === '') return fail(422, { missing: true })
    await platform.env.DB.prepare(table).run()
    await platform.env.DB.prepare('INSERT INTO notes (text) VALUES (?)').bind(text).run()
    redirect(303, '/notes')
  },
}
