/* SPDX-License-Identifier: MIT */
#include "places/osm/osmtags.h"

/* Google has these behind the closer types of whatever one can visit. */
#define POI           "point_of_interest,establishment"
#define FOOD(types)   types ",food," POI
#define STORE(types)  types ",store," POI
#define EDIBLE(types) types ",food,store," POI
#define HEALTH(types) types ",health," POI
#define MONEY(types)  types ",finance," POI
#define TRIP(types)   types ",transit_station," POI

#define IS(value_, types_)                   \
    {                                        \
        .value = (value_), .types = (types_) \
    }
#define WITH(value_, key_, also_, types_)                                               \
    {                                                                                   \
        .value = (value_), .types = (types_), .also_key = (key_), .also_value = (also_) \
    }

static const OsmMeaning amenities[] = {
    IS("arts_centre", "art_gallery," POI),
    IS("atm", MONEY("atm")),
    IS("bank", MONEY("bank")),
    IS("bar", "bar," POI),
    IS("biergarten", FOOD("bar,restaurant")),
    IS("bureau_de_change", "finance," POI),
    IS("bus_station", TRIP("bus_station")),
    IS("cafe", FOOD("cafe")),
    IS("car_rental", "car_rental," POI),
    IS("car_wash", "car_wash," POI),
    IS("casino", "casino," POI),
    IS("childrens_centre", "school," POI),
    IS("cinema", "movie_theater," POI),
    IS("clinic", HEALTH("doctor")),
    IS("college", "university," POI),
    IS("courthouse", "courthouse," POI),
    IS("crematorium", "funeral_home," POI),
    IS("dentist", HEALTH("dentist")),
    IS("doctors", HEALTH("doctor")),
    IS("embassy", "embassy," POI),
    WITH("fast_food", "delivery", "only", FOOD("meal_delivery,restaurant")),
    WITH("fast_food", "takeaway", "yes", FOOD("meal_takeaway,restaurant")),
    WITH("fast_food", "takeaway", "only", FOOD("meal_takeaway,restaurant")),
    IS("fast_food", FOOD("restaurant")),
    IS("ferry_terminal", "transit_station," POI),
    IS("fire_station", "fire_station," POI),
    IS("food_court", FOOD("restaurant")),
    IS("fuel", "gas_station," POI),
    IS("funeral_hall", "funeral_home," POI),
    IS("grave_yard", "cemetery," POI),
    IS("hospital", HEALTH("hospital")),
    IS("ice_cream", EDIBLE("cafe")),
    IS("internet_cafe", "cafe," POI),
    IS("kindergarten", "school," POI),
    IS("language_school", "school," POI),
    IS("library", "library," POI),
    IS("marketplace", "grocery_or_supermarket,food," POI),
    IS("money_transfer", "finance," POI),
    IS("music_school", "school," POI),
    IS("nightclub", "night_club," POI),
    IS("nursing_home", "health," POI),
    IS("parking", "parking," POI),
    IS("pharmacy", HEALTH("pharmacy")),
    WITH("place_of_worship", "religion", "christian", "church,place_of_worship," POI),
    WITH("place_of_worship", "religion", "hindu", "hindu_temple,place_of_worship," POI),
    WITH("place_of_worship", "religion", "jewish", "synagogue,place_of_worship," POI),
    WITH("place_of_worship", "religion", "muslim", "mosque,place_of_worship," POI),
    IS("place_of_worship", "place_of_worship," POI),
    IS("police", "police," POI),
    IS("post_office", MONEY("post_office")),
    IS("pub", "bar," POI),
    IS("public_bath", "spa," POI),
    IS("public_building", "local_government_office," POI),
    WITH("restaurant", "delivery", "only", FOOD("meal_delivery,restaurant")),
    WITH("restaurant", "takeaway", "only", FOOD("meal_takeaway,restaurant")),
    IS("restaurant", FOOD("restaurant")),
    WITH("school", "isced:level", "1", "primary_school,school," POI),
    WITH("school", "school", "primary", "primary_school,school," POI),
    WITH("school", "isced:level", "2", "secondary_school,school," POI),
    WITH("school", "isced:level", "3", "secondary_school,school," POI),
    WITH("school", "school", "secondary", "secondary_school,school," POI),
    IS("school", "school," POI),
    IS("spa", "spa," POI),
    IS("taxi", "taxi_stand," POI),
    IS("townhall", "city_hall,local_government_office," POI),
    IS("university", "university," POI),
    IS("veterinary", "veterinary_care," POI),
};

static const OsmMeaning shops[] = {
    IS("alcohol", STORE("liquor_store")),
    IS("antiques", STORE("home_goods_store")),
    IS("appliance", STORE("home_goods_store,electronics_store")),
    IS("art", STORE("art_gallery")),
    IS("bakery", EDIBLE("bakery")),
    IS("bathroom_furnishing", STORE("home_goods_store")),
    IS("beauty", "beauty_salon," POI),
    IS("bed", STORE("furniture_store,home_goods_store")),
    IS("beverages", STORE("liquor_store")),
    IS("bicycle", STORE("bicycle_store")),
    IS("books", STORE("book_store")),
    IS("boutique", STORE("clothing_store")),
    IS("butcher", EDIBLE("grocery_or_supermarket")),
    IS("car", STORE("car_dealer")),
    IS("car_parts", STORE("car_repair")),
    IS("car_repair", "car_repair," POI),
    IS("caravan", STORE("car_dealer")),
    IS("carpet", STORE("home_goods_store")),
    IS("cheese", EDIBLE("grocery_or_supermarket")),
    IS("chemist", STORE("drugstore")),
    IS("clothes", STORE("clothing_store")),
    IS("coffee", EDIBLE("cafe")),
    IS("computer", STORE("electronics_store")),
    IS("confectionery", EDIBLE("bakery")),
    IS("convenience", EDIBLE("convenience_store")),
    IS("cosmetics", STORE("beauty_salon")),
    IS("curtain", STORE("home_goods_store")),
    IS("dairy", EDIBLE("grocery_or_supermarket")),
    IS("deli", EDIBLE("grocery_or_supermarket")),
    IS("department_store", STORE("department_store")),
    IS("doityourself", STORE("hardware_store,home_goods_store")),
    IS("dry_cleaning", "laundry," POI),
    IS("electrical", STORE("electronics_store")),
    IS("electronics", STORE("electronics_store")),
    IS("estate_agent", "real_estate_agency," POI),
    IS("farm", EDIBLE("grocery_or_supermarket")),
    IS("fashion", STORE("clothing_store")),
    IS("florist", STORE("florist")),
    IS("food", EDIBLE("grocery_or_supermarket")),
    IS("funeral_directors", "funeral_home," POI),
    IS("furniture", STORE("furniture_store,home_goods_store")),
    IS("garden_centre", STORE("home_goods_store")),
    IS("greengrocer", EDIBLE("grocery_or_supermarket")),
    IS("grocery", EDIBLE("grocery_or_supermarket")),
    IS("hairdresser", "hair_care," POI),
    IS("hardware", STORE("hardware_store")),
    IS("health_food", EDIBLE("grocery_or_supermarket")),
    IS("hifi", STORE("electronics_store")),
    IS("houseware", STORE("home_goods_store")),
    IS("interior_decoration", STORE("home_goods_store")),
    IS("jewelry", STORE("jewelry_store")),
    IS("kiosk", STORE("convenience_store")),
    IS("kitchen", STORE("home_goods_store")),
    IS("laundry", "laundry," POI),
    IS("lighting", STORE("home_goods_store")),
    IS("locksmith", STORE("locksmith")),
    IS("mall", "shopping_mall," POI),
    IS("massage", "spa," POI),
    IS("medical_supply", HEALTH("store")),
    IS("mobile_phone", STORE("electronics_store")),
    IS("motorcycle", STORE("car_dealer")),
    IS("nutrition_supplements", HEALTH("store")),
    IS("optician", HEALTH("store")),
    IS("paint", STORE("hardware_store")),
    IS("pastry", EDIBLE("bakery")),
    IS("pawnbroker", MONEY("store")),
    IS("pet", STORE("pet_store")),
    IS("pet_grooming", STORE("pet_store")),
    IS("seafood", EDIBLE("grocery_or_supermarket")),
    IS("shoes", STORE("shoe_store")),
    IS("storage_rental", "storage," POI),
    IS("supermarket", EDIBLE("supermarket,grocery_or_supermarket")),
    IS("tattoo", "beauty_salon," POI),
    IS("tea", EDIBLE("grocery_or_supermarket")),
    IS("travel_agency", "travel_agency," POI),
    IS("tyres", STORE("car_repair")),
    IS("video", STORE("movie_rental")),
    IS("watches", STORE("jewelry_store")),
    IS("wine", STORE("liquor_store")),
};

static const OsmMeaning tourism[] = {
    IS("alpine_hut", "lodging," POI),
    IS("apartment", "lodging," POI),
    IS("aquarium", "aquarium,tourist_attraction," POI),
    IS("artwork", "tourist_attraction," POI),
    IS("attraction", "tourist_attraction," POI),
    IS("camp_site", "campground,lodging," POI),
    IS("caravan_site", "rv_park,campground,lodging," POI),
    IS("chalet", "lodging," POI),
    IS("gallery", "art_gallery," POI),
    IS("guest_house", "lodging," POI),
    IS("hostel", "lodging," POI),
    IS("hotel", "lodging," POI),
    IS("motel", "lodging," POI),
    IS("museum", "museum,tourist_attraction," POI),
    IS("theme_park", "amusement_park,tourist_attraction," POI),
    IS("viewpoint", "tourist_attraction," POI),
    IS("wilderness_hut", "lodging," POI),
    IS("zoo", "zoo,tourist_attraction," POI),
};

static const OsmMeaning leisure[] = {
    IS("amusement_arcade", "amusement_park," POI),
    IS("bowling_alley", "bowling_alley," POI),
    IS("dog_park", "park," POI),
    IS("fitness_centre", HEALTH("gym")),
    IS("garden", "park," POI),
    IS("nature_reserve", "park," POI),
    IS("park", "park," POI),
    IS("playground", "park," POI),
    IS("sauna", "spa," POI),
    IS("sports_centre", HEALTH("gym")),
    IS("sports_hall", HEALTH("gym")),
    IS("stadium", "stadium," POI),
    IS("tanning_salon", "beauty_salon," POI),
    IS("water_park", "amusement_park," POI),
};

static const OsmMeaning healthcare[] = {
    IS("clinic", HEALTH("doctor")),     IS("dentist", HEALTH("dentist")),
    IS("doctor", HEALTH("doctor")),     IS("hospital", HEALTH("hospital")),
    IS("pharmacy", HEALTH("pharmacy")), IS("physiotherapist", HEALTH("physiotherapist")),
};

static const OsmMeaning offices[] = {
    IS("accountant", MONEY("accounting")),
    IS("construction_company", "general_contractor," POI),
    IS("diplomatic", "embassy," POI),
    IS("estate_agent", "real_estate_agency," POI),
    IS("financial", "finance," POI),
    IS("financial_advisor", "finance," POI),
    IS("government", "local_government_office," POI),
    IS("insurance", MONEY("insurance_agency")),
    IS("lawyer", "lawyer," POI),
    IS("moving_company", "moving_company," POI),
    IS("notary", "lawyer," POI),
    IS("physician", HEALTH("doctor")),
    IS("property_management", "real_estate_agency," POI),
    IS("tax_advisor", MONEY("accounting")),
    IS("therapist", "health," POI),
    IS("travel_agent", "travel_agency," POI),
};

static const OsmMeaning crafts[] = {
    IS("bakery", EDIBLE("bakery")),
    IS("builder", "general_contractor," POI),
    IS("carpenter", "general_contractor," POI),
    IS("caterer", FOOD("meal_delivery")),
    IS("confectionery", EDIBLE("bakery")),
    IS("electrician", "electrician," POI),
    IS("hvac", "plumber," POI),
    IS("jeweller", STORE("jewelry_store")),
    IS("key_cutter", "locksmith," POI),
    IS("locksmith", "locksmith," POI),
    IS("painter", "painter," POI),
    IS("plumber", "plumber," POI),
    IS("roofer", "roofing_contractor," POI),
    IS("tiler", "general_contractor," POI),
    IS("watchmaker", STORE("jewelry_store")),
};

static const OsmMeaning railways[] = {
    IS("halt", TRIP("train_station")),
    WITH("station", "station", "light_rail", TRIP("light_rail_station")),
    WITH("station", "station", "subway", TRIP("subway_station")),
    WITH("station", "light_rail", "yes", TRIP("light_rail_station")),
    WITH("station", "subway", "yes", TRIP("subway_station")),
    IS("station", TRIP("train_station")),
    IS("tram_stop", TRIP("light_rail_station")),
};

static const OsmMeaning aeroways[] = {
    IS("aerodrome", "airport," POI),
    IS("heliport", "airport," POI),
    IS("terminal", "airport," POI),
};

static const OsmMeaning public_transport[] = {
    WITH("station", "train", "yes", TRIP("train_station")),
    WITH("station", "subway", "yes", TRIP("subway_station")),
    WITH("station", "light_rail", "yes", TRIP("light_rail_station")),
    WITH("station", "tram", "yes", TRIP("light_rail_station")),
    WITH("station", "bus", "yes", TRIP("bus_station")),
    IS("station", "transit_station," POI),
};

static const OsmMeaning aerialways[] = {IS("station", "transit_station," POI)};
static const OsmMeaning highways[] = {IS("bus_stop", TRIP("bus_station"))};
static const OsmMeaning landuses[] = {IS("cemetery", "cemetery," POI)};

static const OsmMeaning historic[] = {
    IS("archaeological_site", "tourist_attraction," POI),
    IS("castle", "tourist_attraction," POI),
    IS("city_gate", "tourist_attraction," POI),
    IS("fort", "tourist_attraction," POI),
    IS("manor", "tourist_attraction," POI),
    IS("memorial", "tourist_attraction," POI),
    IS("monument", "tourist_attraction," POI),
    IS("ruins", "tourist_attraction," POI),
};

static const OsmMeaning places[] = {
    IS("borough", "sublocality,political"),  IS("city", "locality,political"),
    IS("hamlet", "locality,political"),      IS("neighbourhood", "neighborhood,political"),
    IS("quarter", "neighborhood,political"), IS("suburb", "sublocality,political"),
    IS("town", "locality,political"),        IS("village", "locality,political"),
};

#define KEY(key_, meanings_, otherwise_)                                                  \
    {                                                                                     \
        .key = (key_), .meanings = (meanings_), .meaning_count = G_N_ELEMENTS(meanings_), \
        .otherwise = (otherwise_)                                                         \
    }

/* Of a thing with several the first is what it is for, the later ones are what it is besides. */
static const OsmKey keys[] = {
    KEY("amenity", amenities, POI),
    KEY("shop", shops, "store," POI),
    KEY("tourism", tourism, POI),
    KEY("leisure", leisure, POI),
    KEY("healthcare", healthcare, "health," POI),
    KEY("office", offices, POI),
    KEY("craft", crafts, POI),
    KEY("aeroway", aeroways, NULL),
    KEY("railway", railways, NULL),
    KEY("public_transport", public_transport, NULL),
    KEY("aerialway", aerialways, NULL),
    {.key = "highway",
     .meanings = highways,
     .meaning_count = G_N_ELEMENTS(highways),
     .common = true},
    KEY("landuse", landuses, NULL),
    KEY("historic", historic, POI),
    KEY("place", places, NULL),
};

const OsmKey *osmtags_keys(size_t *ret_count)
{
    *ret_count = G_N_ELEMENTS(keys);
    return keys;
}

/* The value of @key; empty if there is none, or no text. */
static Slice tag(const JsonValue *tags, const char *key)
{
    const JsonValue *value = jsontree_member(tags, slice_of(key), NULL);

    return value != NULL && value->type == JSON_STRING ? value->text : (Slice){0};
}

static Slice first_of(Slice values)
{
    const char *semicolon = values.length == 0 ? NULL : memchr(values.data, ';', values.length);

    if (semicolon != NULL)
        values.length = (size_t)(semicolon - values.data);
    return values;
}

/* NULL: @value has no meaning of its own. */
static const char *meaning_of(const OsmKey *key, Slice value, const JsonValue *tags)
{
    for (size_t i = 0; i < key->meaning_count; i++) {
        const OsmMeaning *meaning = &key->meanings[i];

        if (!slice_equal(value, slice_of(meaning->value)))
            continue;
        if (meaning->also_key == NULL ||
            slice_equal(first_of(tag(tags, meaning->also_key)), slice_of(meaning->also_value)))
            return meaning->types;
    }
    return NULL;
}

/* Values that say that there is no such thing. */
static bool is_none(Slice value)
{
    return value.length == 0 || slice_equal(value, SLICE("no")) ||
           slice_equal(value, SLICE("vacant"));
}

Slice osmtags_types(const JsonValue *tags)
{
    const char *otherwise = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        Slice value = first_of(tag(tags, keys[i].key));

        if (is_none(value))
            continue;
        const char *types = meaning_of(&keys[i], value, tags);
        if (types != NULL)
            return slice_of(types);
        if (otherwise == NULL)
            otherwise = keys[i].otherwise;
    }
    return otherwise != NULL ? slice_of(otherwise) : SLICE("");
}

bool osmtags_name(const JsonValue *tags, const char *language, Slice *ret_name)
{
    Slice name = {0};

    if (language != NULL) {
        g_autofree char *key = g_strconcat("name:", language, NULL);
        name = tag(tags, key);
    }
    if (name.length == 0)
        name = tag(tags, "name");
    if (name.length == 0)
        return false;
    *ret_name = name;
    return true;
}

static void append_slice(GString *out, Slice text)
{
    g_string_append_len(out, text.data, (gssize)text.length);
}

void osmtags_append_vicinity(const JsonValue *tags, GString *out)
{
    const JsonValue *number = jsontree_member(tags, SLICE("addr:housenumber"), NULL);
    Slice street = tag(tags, "addr:street");
    Slice city = tag(tags, "addr:city");

    if (street.length == 0)
        street = tag(tags, "addr:place");
    if (street.length > 0) { /* a number alone leads nowhere */
        if (number != NULL && (number->type == JSON_STRING || number->type == JSON_NUMBER) &&
            number->text.length > 0) {
            append_slice(out, number->text);
            g_string_append_c(out, ' ');
        }
        append_slice(out, street);
    }
    if (city.length > 0) {
        if (street.length > 0)
            g_string_append(out, ", ");
        append_slice(out, city);
    }
}
