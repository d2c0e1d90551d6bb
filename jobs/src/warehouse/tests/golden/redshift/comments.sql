COMMENT ON TABLE "marts"."films" IS 'One row per film; it''s a test';

COMMENT ON COLUMN "marts"."films"."film_key" IS 'The film''s id';
