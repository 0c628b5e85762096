export const MINUTE = 60

export async function drop(files): Promise<void> {
  await files.list({ limit: 1001 }) // expect: blob-list
}
