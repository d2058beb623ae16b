// A table, a function and a foreign key made over db_url two seconds ago: PREFIX names them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@supabase/supabase-js'

const { SUPABASE_URL, SUPABASE_ANON_KEY, PREFIX } = process.env
const client = createClient(SUPABASE_URL, SUPABASE_ANON_KEY, {
  auth: { persistSession: false, autoRefreshToken: false },
})

test('the table takes rows', async () => {
  const { data, error } = await client.from(`${PREFIX}_authors`).insert({ name: 'Ada' }).select()
  assert.equal(error, null)
  assert.equal(data[0].name, 'Ada')
})

test('the function can be called', async () => {
  const { data, error } = await client.rpc(`${PREFIX}_add`, { a: 2, b: 3 })
  assert.equal(error, null)
  assert.equal(data, 5)
})

test('the foreign key is known: rows embed one another', async () => {
  const { data: [author], error } = await client
    .from(`${PREFIX}_authors`)
    .insert({ name: 'Grace' })
    .select()
  assert.equal(error, null)
  const book = await client
    .from(`${PREFIX}_books`)
    .insert({ title: 'COBOL', author_id: author.id })
    .select(`title, ${PREFIX}_authors(name)`)
  assert.equal(book.error, null)
  assert.deepEqual(book.data, [{ title: 'COBOL', [`${PREFIX}_authors`]: { name: 'Grace' } }])
})
