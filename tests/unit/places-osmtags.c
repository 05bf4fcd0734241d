/* SPDX-License-Identifier: MIT */

/* OpenStreetMap's tags as Google's types, names and vicinities. */

#include "places/osm/osmtags.h"

/* Those of Google's legacy Places API, and those of its results that are towns. */
static const char legacy_types[] =
    "accounting airport amusement_park aquarium art_gallery atm bakery bank bar beauty_salon "
    "bicycle_store book_store bowling_alley bus_station cafe campground car_dealer car_rental "
    "car_repair car_wash casino cemetery church city_hall clothing_store convenience_store "
    "courthouse dentist department_store doctor drugstore electrician electronics_store embassy "
    "establishment finance fire_station florist food funeral_home furniture_store gas_station "
    "general_contractor grocery_or_supermarket gym hair_care hardware_store health hindu_temple "
    "home_goods_store hospital insurance_agency jewelry_store laundry lawyer library "
    "light_rail_station liquor_store local_government_office locksmith lodging meal_delivery "
    "meal_takeaway mosque movie_rental movie_theater moving_company museum night_club painter park "
    "parking pet_store pharmacy physiotherapist place_of_worship plumber police post_office "
    "primary_school real_estate_agency restaurant roofing_contractor rv_park school "
    "secondary_school shoe_store shopping_mall spa stadium storage store subway_station "
    "supermarket synagogue taxi_stand tourist_attraction train_station transit_station "
    "travel_agency university veterinary_care zoo";
static const char other_types[] = "point_of_interest locality sublocality neighborhood political";

/* What a type closer to the thing comes before. */
static const char *const general_types[] = {
    "food",          "health", "finance", "store", "transit_station", "point_of_interest",
    "establishment", NULL};

static JsonTree *parse(const char *text)
{
    JsonTree *tree = NULL;

    g_assert_cmpint(jsontree_parse(slice_of(text), &tree), ==, JSONTREE_OK);
    return tree;
}

static char *types_of(const char *tags)
{
    g_autoptr(JsonTree) tree = parse(tags);
    Slice types = osmtags_types(jsontree_root(tree));

    return g_strndup(types.data, types.length);
}

static void assert_types(const char *tags, const char *expected)
{
    g_autofree char *types = types_of(tags);

    g_assert_cmpstr(types, ==, expected);
}

/* ---- the table ---- */

static void check_types(const char *types, GHashTable *known, GHashTable *seen)
{
    g_auto(GStrv) split = g_strsplit(types, ",", -1);
    g_autoptr(GHashTable) here = g_hash_table_new(g_str_hash, g_str_equal);
    bool only_general = false;

    g_assert_nonnull(split[0]);
    for (size_t i = 0; split[i] != NULL; i++) {
        bool general = g_strv_contains(general_types, split[i]);

        if (!g_hash_table_contains(known, split[i]))
            g_error("\"%s\" is not one of Google's types", split[i]);
        if (only_general && !general)
            g_error("in \"%s\" a general type comes first", types);
        only_general = general;
        g_assert_true(g_hash_table_add(here, split[i])); /* no type twice */
        g_hash_table_add(seen, g_strdup(split[i]));
    }
    g_assert_true(g_str_has_suffix(types, ",political") ||
                  g_str_has_suffix(types, "point_of_interest,establishment"));
}

static GHashTable *words(const char *text)
{
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) split = g_strsplit(text, " ", -1);

    for (size_t i = 0; split[i] != NULL; i++)
        g_hash_table_add(set, g_strdup(split[i]));
    return set;
}

/* Every meaning is of Google's types, and there is no type of Google's that no tag leads to. */
static void test_table_has_all_types_and_no_others(void)
{
    g_autofree char *all = g_strconcat(legacy_types, " ", other_types, NULL);
    g_autoptr(GHashTable) known = words(all);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t key_count;
    const OsmKey *keys = osmtags_keys(&key_count);
    GHashTableIter iterator;
    void *type;

    for (size_t i = 0; i < key_count; i++) {
        for (size_t k = 0; k < keys[i].meaning_count; k++)
            check_types(keys[i].meanings[k].types, known, seen);
        if (keys[i].otherwise != NULL)
            check_types(keys[i].otherwise, known, seen);
    }
    g_hash_table_iter_init(&iterator, known);
    while (g_hash_table_iter_next(&iterator, &type, NULL))
        if (!g_hash_table_contains(seen, type))
            g_error("no tag leads to \"%s\"", (const char *)type);
}

/* A meaning that an earlier one hides would be a slip. */
static void test_every_meaning_is_reached(void)
{
    size_t key_count;
    const OsmKey *keys = osmtags_keys(&key_count);

    for (size_t i = 0; i < key_count; i++) {
        for (size_t k = 0; k < keys[i].meaning_count; k++) {
            const OsmMeaning *meaning = &keys[i].meanings[k];
            g_autoptr(GString) tags = g_string_new(NULL);

            g_string_printf(tags, "{\"%s\":\"%s\"", keys[i].key, meaning->value);
            if (meaning->also_key != NULL)
                g_string_append_printf(tags, ",\"%s\":\"%s\"", meaning->also_key,
                                       meaning->also_value);
            g_string_append_c(tags, '}');
            assert_types(tags->str, meaning->types);
        }
    }
}

/* ---- types ---- */

static void test_types(void)
{
    static const struct {
        const char *tags;
        const char *types;
    } cases[] = {
        {"{\"amenity\":\"cafe\"}", "cafe,food,point_of_interest,establishment"},
        {"{\"amenity\":\"place_of_worship\",\"religion\":\"muslim\"}",
         "mosque,place_of_worship,point_of_interest,establishment"},
        {"{\"amenity\":\"place_of_worship\",\"religion\":\"pastafarian\"}",
         "place_of_worship,point_of_interest,establishment"},
        {"{\"place\":\"town\"}", "locality,political"},
        {"{\"place\":\"suburb\"}", "sublocality,political"},
        {"{\"place\":\"neighbourhood\"}", "neighborhood,political"},
        {"{\"railway\":\"station\",\"subway\":\"yes\",\"public_transport\":\"station\"}",
         "subway_station,transit_station,point_of_interest,establishment"},
        /* what it is for, before what it is besides, whatever their order */
        {"{\"tourism\":\"attraction\",\"amenity\":\"restaurant\"}",
         "restaurant,food,point_of_interest,establishment"},
        /* ... but the closer of the two if the first says little */
        {"{\"amenity\":\"fountain\",\"tourism\":\"attraction\"}",
         "tourist_attraction,point_of_interest,establishment"},
        {"{\"amenity\":\"fountain\"}", "point_of_interest,establishment"},
        {"{\"shop\":\"unheard_of\"}", "store,point_of_interest,establishment"},
        {"{\"shop\":\"books;gift\"}", "book_store,store,point_of_interest,establishment"},
        /* nothing that we know */
        {"{}", ""},
        {"{\"name\":\"A\",\"building\":\"yes\"}", ""},
        {"{\"highway\":\"residential\",\"name\":\"A\"}", ""},
        {"{\"railway\":\"rail\"}", ""},
        {"{\"shop\":\"vacant\"}", ""},
        {"{\"amenity\":\"no\"}", ""},
        {"{\"amenity\":\"\"}", ""},
        {"{\"amenity\":\";cafe\"}", ""},
        {"{\"amenity\":7,\"shop\":null,\"office\":true,\"tourism\":[\"hotel\"],\"craft\":{}}", ""},
        {"{\"amenity\":\"caf\\u0000e\"}", "point_of_interest,establishment"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_types(cases[i].tags, cases[i].types);
}

/* ---- name ---- */

static void assert_name(const char *tags, const char *language, const char *expected)
{
    g_autoptr(JsonTree) tree = parse(tags);
    Slice name = SLICE("untouched");
    bool named = osmtags_name(jsontree_root(tree), language, &name);
    g_autofree char *text = g_strndup(name.data, name.length);

    g_assert_cmpint(named, ==, expected != NULL);
    g_assert_cmpstr(text, ==, expected != NULL ? expected : "untouched");
}

static void test_name(void)
{
    static const char both[] = "{\"name\":\"Wien\",\"name:en\":\"Vienna\",\"name:ru\":\"\"}";

    assert_name(both, NULL, "Wien");
    assert_name(both, "en", "Vienna");
    assert_name(both, "fr", "Wien");
    assert_name(both, "ru", "Wien");
    assert_name("{\"name:en\":\"Vienna\"}", "en", "Vienna");
    assert_name("{\"name:en\":\"Vienna\"}", NULL, NULL);
    assert_name("{\"name\":\"\"}", NULL, NULL);
    assert_name("{\"name\":7}", NULL, NULL);
    assert_name("{\"amenity\":\"bench\"}", "en", NULL);
}

/* ---- vicinity ---- */

static void test_vicinity(void)
{
    static const struct {
        const char *tags;
        const char *vicinity;
    } cases[] = {
        {"{\"addr:housenumber\":\"12\",\"addr:street\":\"Long "
         "Street\",\"addr:city\":\"Springfield\"}",
         "12 Long Street, Springfield"},
        {"{\"addr:housenumber\":12,\"addr:street\":\"Long Street\"}", "12 Long Street"},
        {"{\"addr:housenumber\":\"3a\",\"addr:place\":\"Hof\"}", "3a Hof"},
        {"{\"addr:street\":\"Long Street\"}", "Long Street"},
        {"{\"addr:city\":\"Springfield\"}", "Springfield"},
        {"{\"addr:housenumber\":\"12\",\"addr:city\":\"Springfield\"}", "Springfield"},
        {"{\"addr:housenumber\":\"12\"}", ""},
        {"{\"addr:housenumber\":[1],\"addr:street\":\"Long Street\",\"addr:city\":null}",
         "Long Street"},
        {"{}", ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonTree) tree = parse(cases[i].tags);
        g_autoptr(GString) out = g_string_new("> ");

        osmtags_append_vicinity(jsontree_root(tree), out);
        g_assert_cmpstr(out->str + 2, ==, cases[i].vicinity);
    }
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/osmtags/table/has-all-types-and-no-others",
                    test_table_has_all_types_and_no_others);
    g_test_add_func("/osmtags/table/every-meaning-is-reached", test_every_meaning_is_reached);
    g_test_add_func("/osmtags/types", test_types);
    g_test_add_func("/osmtags/name", test_name);
    g_test_add_func("/osmtags/vicinity", test_vicinity);
    return g_test_run();
}
