// Rows as an app sees them: anon and service_role, with row-level security on and off.
// The tables are made by tests/e2e/conftest.py; addresses and keys come as environment variables.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@supabase/supabase-js'

const { SUPABASE_URL, SUPABASE_ANON_KEY, SUPABASE_SERVICE_ROLE_KEY } = process.env
const withoutSession = { auth: { persistSession: false, autoRefreshToken: false } }
const anon = createClient(SUPABASE_URL, SUPABASE_ANON_KEY, withoutSession)
const service = createClient(SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY, withoutSession)

async function rows(query) {
  const { data, error } = await query
  assert.equal(error, null)
  return data
}

for (const [role, client] of [['anon', anon], ['service_role', service]]) {
  test(`${role} creates, reads, updates and deletes rows without RLS`, async () => {
    const title = `by js ${role}`
    const [made] = await rows(client.from('open_notes').insert({ title }).select())
    assert.equal(made.title, title)
    assert.deepEqual(await rows(client.from('open_notes').select().eq('id', made.id)), [made])
    const [changed] = await rows(
      client.from('open_notes').update({ title: 'changed' }).eq('id', made.id).select(),
    )
    assert.equal(changed.title, 'changed')
    await rows(client.from('open_notes').delete().eq('id', made.id))
    assert.deepEqual(await rows(client.from('open_notes').select().eq('id', made.id)), [])
  })
}

test('RLS without a policy shows anon nothing and lets it write nothing', async () => {
  const [made] = await rows(service.from('guarded_notes').insert({ title: 'kept' }).select())
  assert.deepEqual(await rows(anon.from('guarded_notes').select()), [])
  const { error, status } = await anon.from('guarded_notes').insert({ title: 'forged' })
  assert.equal(error.code, '42501')
  assert.equal(status, 401) // PostgREST's answer to a refused anonymous request
  assert.deepEqual(
    await rows(anon.from('guarded_notes').update({ title: 'x' }).eq('id', made.id).select()),
    [],
  )
  assert.deepEqual(await rows(anon.from('guarded_notes').delete().eq('id', made.id).select()), [])
  assert.deepEqual(await rows(service.from('guarded_notes').select().eq('id', made.id)), [made])
  await rows(service.from('guarded_notes').delete().eq('id', made.id))
})

test('a policy decides which rows anon reads; service_role reads all', async () => {
  const made = await rows(
    service
      .from('published_notes')
      .insert([{ title: 'out', published: true }, { title: 'draft', published: false }])
      .select(),
  )
  const ids = made.map((note) => note.id)
  const seen = await rows(anon.from('published_notes').select().in('id', ids))
  assert.deepEqual(seen.map((note) => note.title), ['out'])
  assert.equal((await rows(service.from('published_notes').select().in('id', ids))).length, 2)
  await rows(service.from('published_notes').delete().in('id', ids))
})

test('upsert, count, range and ordering come back as the client promises', async () => {
  const made = await rows(
    anon.from('open_notes').insert(['a', 'b', 'c'].map((title) => ({ title }))).select(),
  )
  const ids = made.map((note) => note.id)
  const page = await anon
    .from('open_notes')
    .select('title', { count: 'exact' })
    .in('id', ids)
    .order('title', { ascending: false })
    .range(0, 1)
  assert.equal(page.error, null)
  assert.equal(page.count, 3)
  assert.deepEqual(page.data, [{ title: 'c' }, { title: 'b' }])
  const [again] = await rows(
    anon.from('open_notes').upsert({ id: ids[0], title: 'a again' }).select(),
  )
  assert.deepEqual([again.id, again.title], [ids[0], 'a again'])
  await rows(anon.from('open_notes').delete().in('id', ids))
})

test('a key of nobody is refused with 401', async () => {
  const stranger = createClient(SUPABASE_URL, 'sb_publishable_nobody', withoutSession)
  const { status, error } = await stranger.from('open_notes').select()
  assert.equal(status, 401)
  assert.ok(error)
})
