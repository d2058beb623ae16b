"""What a person and an unmodified Supabase client meet, on the real servers."""
