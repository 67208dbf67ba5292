/*
 * model_linear.h -- linear models and scorecards, as people write them: YAML.
 *
 *     model: linear                       margin = intercept + what each input adds (linear.h)
 *     link: logit                         1 / (1 + e^-margin); or identity; or log: e^margin
 *     intercept: -4.2
 *     inputs:
 *       amount: {weight: 0.3, mean: 10, scale: 4, missing: 0}
 *       country: {categories: {GB: 0.2, XX: 1.5}, other: 0, missing: 0}
 *
 *     model: scorecard                    margin = base_points + points of each input
 *     base_points: 20
 *     probability: {points: 100, odds: 0.05, pdo: 20}
 *     inputs:
 *       age: {bins: [{below: 18, points: 20}, {points: 5}], missing: 7, neutral: 11}
 *
 * Mean and scale are a StandardScaler's. Without `missing` the score is missing with the input;
 * without `other` a category that is not in the table is taken as missing. With `probability` the
 * points are turned to log-odds when the file is loaded: at `points` the odds of fraud are `odds`,
 * and they double with each `pdo` more (a card on which points are good has pdo below 0).
 */
#ifndef SLUICE_MODELS_MODEL_LINEAR_H
#define SLUICE_MODELS_MODEL_LINEAR_H

#include "models/model_formats.h"

#include "service/base/shape.h"

bool model_linear_is_its(struct span bytes);

/* As struct model_loader has it. */
MUST_USE enum status model_linear_load(const struct model_file *file, struct model *ret_model);

/* Either of them. */
extern const struct shape model_yaml_shape;

#endif
