/* SPDX-License-Identifier: MIT */

/* The provider of an operator's own file: dataset.c and file.c, through the interface that workers
 * use. */

#include "tests/unit/places-image.h"

#include <glib/gstdio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define READERS 4

typedef struct {
    char *folder; /* (owned) */
    char *path;   /* (owned) the places file */
} Rig;

static void rig_init(Rig *rig, const void *data G_GNUC_UNUSED)
{
    rig->folder = g_dir_make_tmp("herd-XXXXXX", NULL);
    g_assert_nonnull(rig->folder);
    rig->path = g_build_filename(rig->folder, "own.places", NULL);
}

static void rig_clear(Rig *rig, const void *data G_GNUC_UNUSED)
{
    g_remove(rig->path);
    g_rmdir(rig->folder);
    g_free(rig->path);
    g_free(rig->folder);
}

/* Puts a file with @rows places at 0N 0E, all called @name, where the provider looks. */
static void replace_file(const Rig *rig, unsigned rows, const char *name)
{
    g_autoptr(PlacesFileWriter) writer = new_writer(name);
    GError *error = NULL;

    for (unsigned i = 0; i < rows; i++) {
        g_autofree char *id = g_strdup_printf("own:%u", i);
        add(writer, id, name, "", i % 2 == 0 ? "even,number" : "odd,number", 0, 0);
    }
    g_auto(Image) image = finish(writer);
    /* By a temporary file and rename(). */
    g_file_set_contents(rig->path, image.bytes, (gssize)image.size, &error);
    g_assert_no_error(error);
}

static Places *open_places(const Rig *rig, const char *type)
{
    g_autofree char *wanted = g_strdup(type);
    PlacesOptions options = {.provider = PROVIDER_FILE, .file = rig->path, .type = wanted};
    GError *error = NULL;
    Places *places = places_new(&options, &error);

    g_assert_no_error(error);
    return places;
}

/* How often @what is in the answer to what is near 0N 0E. */
static size_t count_in_answer(Places *places, const char *what)
{
    PlacesQuery query = {.radius = MILLIMETRES_PER_KM, .bound = PLACES_BOUND_MAX};
    g_autoptr(GString) json = g_string_new(NULL);
    PlacesStatus status;
    size_t count = 0;

    g_assert_true(places_at_once(places, &query, json, &status));
    g_assert_cmpint(status, ==, PLACES_OK);
    for (const char *at = strstr(json->str, what); at != NULL; at = strstr(at + 1, what))
        count++;
    return count;
}

static void assert_describes(Places *places, const Rig *rig, unsigned rows)
{
    g_autofree char *description = places_describe(places);
    g_autofree char *expected = g_strdup_printf("%s rows=%u", rig->path, rows);

    g_assert_cmpstr(description, ==, expected);
}

static void test_answers_from_the_file(Rig *rig, const void *data G_GNUC_UNUSED)
{
    replace_file(rig, 5, "first");
    g_autoptr(Places) places = open_places(rig, NULL);

    g_assert_cmpuint(count_in_answer(places, "\"name\" : \"first\""), ==, 5);
    assert_describes(places, rig, 5);
}

static void test_type(Rig *rig, const void *data G_GNUC_UNUSED)
{
    replace_file(rig, 5, "first");
    g_autoptr(Places) places = open_places(rig, "odd");

    g_assert_cmpuint(count_in_answer(places, "\"name\" : \"first\""), ==, 2);
    replace_file(rig, 8, "second");
    g_assert_true(places_reload(places, NULL));
    g_assert_cmpuint(count_in_answer(places, "\"name\" : \"second\""), ==, 4);
}

static void assert_not_made(const char *path, const char *says)
{
    g_autofree char *file = g_strdup(path);
    PlacesOptions options = {.provider = PROVIDER_FILE, .file = file};
    g_autoptr(GError) error = NULL;

    g_assert_null(places_new(&options, &error));
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA);
    g_assert_nonnull(strstr(error->message, says));
    g_assert_null(strchr(error->message, '\n'));
}

static void test_what_is_no_places_file(Rig *rig, const void *data G_GNUC_UNUSED)
{
    assert_not_made(NULL, "is missing");
    assert_not_made(rig->path, "No such file");
    assert_not_made(rig->folder, "Is a directory");
    g_assert_true(g_file_set_contents(rig->path, "", 0, NULL));
    assert_not_made(rig->path, "not a usable places file");
    g_assert_true(g_file_set_contents(rig->path, "id,name,lat,lon\n", -1, NULL));
    assert_not_made(rig->path, "not a usable places file");
}

static void test_reload(Rig *rig, const void *data G_GNUC_UNUSED)
{
    replace_file(rig, 5, "first");
    g_autoptr(Places) places = open_places(rig, NULL);
    replace_file(rig, 7, "second");

    g_assert_cmpuint(count_in_answer(places, "\"name\" : \"first\""), ==, 5);
    g_assert_true(places_reload(places, NULL));
    g_assert_cmpuint(count_in_answer(places, "\"name\" : \"second\""), ==, 7);
    assert_describes(places, rig, 7);
}

static void test_bad_file_keeps_the_old(Rig *rig, const void *data G_GNUC_UNUSED)
{
    static const char *const bad[] = {"", "no places", NULL};

    replace_file(rig, 5, "first");
    g_autoptr(Places) places = open_places(rig, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        if (bad[i] != NULL)
            g_assert_true(g_file_set_contents(rig->path, bad[i], -1, NULL));
        else
            g_assert_cmpint(unlink(rig->path), ==, 0);
        g_assert_false(places_reload(places, &error));
        g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA);
        g_assert_cmpuint(count_in_answer(places, "\"name\" : \"first\""), ==, 5);
        assert_describes(places, rig, 5);
    }
}

static void test_providers_without_data_of_their_own(void)
{
    PlacesOptions options = {.provider = PROVIDER_EMBEDDED};
    g_autoptr(Places) places = places_new(&options, NULL);

    g_assert_true(places_reload(places, NULL));
    g_assert_null(places_describe(places));
}

typedef struct {
    Places *places;
    atomic_uint answers;
    atomic_bool stop;
} Race;

/* Every answer is all of one file: its places and its attribution. */
static void *read_again_and_again(void *pointer)
{
    Race *race = pointer;

    while (!atomic_load(&race->stop)) {
        PlacesQuery query = {.radius = MILLIMETRES_PER_KM, .bound = PLACES_BOUND_MAX};
        g_autoptr(GString) json = g_string_new(NULL);

        g_assert_cmpint(places_nearby(race->places, &query, json), ==, PLACES_OK);
        bool first = strstr(json->str, "first") != NULL;
        g_assert_true(first != (strstr(json->str, "second") != NULL));
        atomic_fetch_add(&race->answers, 1);
    }
    return NULL;
}

static void test_reload_under_readers(Rig *rig, const void *data G_GNUC_UNUSED)
{
    replace_file(rig, 9, "first");
    g_autoptr(Places) places = open_places(rig, NULL);
    Race race = {.places = places};
    pthread_t readers[READERS];

    for (size_t i = 0; i < READERS; i++)
        g_assert_cmpint(pthread_create(&readers[i], NULL, read_again_and_again, &race), ==, 0);
    for (unsigned round = 0; round < 100; round++) {
        unsigned before = atomic_load(&race.answers);

        replace_file(rig, 9 + round, round % 2 == 0 ? "second" : "first");
        g_assert_true(places_reload(places, NULL));
        while (atomic_load(&race.answers) - before < READERS)
            sched_yield(); /* somebody has read the new one */
    }
    atomic_store(&race.stop, true);
    for (size_t i = 0; i < READERS; i++)
        g_assert_cmpint(pthread_join(readers[i], NULL), ==, 0);
}

#define ADD(path, test) g_test_add(path, Rig, NULL, rig_init, test, rig_clear)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/places/dataset/answers-from-the-file", test_answers_from_the_file);
    ADD("/places/dataset/only-places-of-a-type", test_type);
    ADD("/places/dataset/what-is-no-places-file-is-refused", test_what_is_no_places_file);
    ADD("/places/dataset/reload-takes-the-new-file", test_reload);
    ADD("/places/dataset/a-bad-new-file-leaves-the-old-in-place", test_bad_file_keeps_the_old);
    g_test_add_func("/places/dataset/other-providers-have-nothing-to-reload",
                    test_providers_without_data_of_their_own);
    ADD("/places/dataset/readers-finish-with-the-file-that-they-began-with",
        test_reload_under_readers);
    return g_test_run();
}
