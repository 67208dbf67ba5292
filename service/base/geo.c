#include "service/base/geo.h"

#include <math.h>

static const double EARTH_RADIUS_KM = 6371.0088;

double geo_distance_km(double lat1_rad, double lon1_rad, double lat2_rad, double lon2_rad)
{
    double s_lat = sin((lat2_rad - lat1_rad) / 2), s_lon = sin((lon2_rad - lon1_rad) / 2);
    double h = s_lat * s_lat + cos(lat1_rad) * cos(lat2_rad) * s_lon * s_lon;
    return 2 * EARTH_RADIUS_KM * asin(sqrt(fmin(h, 1))); /* rounding may leave it over 1 */
}
