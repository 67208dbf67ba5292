/*
 * geo.h -- the distance of two places on Earth.
 */
#ifndef SLUICE_BASE_GEO_H
#define SLUICE_BASE_GEO_H

/*
 * Along a great circle of a sphere with the mean radius of Earth, 6371.0088 km (IUGG, R1); the
 * true ellipsoid is at most 0.6 % off.
 *
 * Source: Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984): exact for small
 * distances too, where the law of cosines is not.
 */
double geo_distance_km(double lat1_rad, double lon1_rad, double lat2_rad, double lon2_rad);

#endif
