#include "tests/unit/models/xgboost_case.h"

#include "tests/unit/models/ubjson_write.h"

const char xgboost_case[] =
    "{\"learner\":{\"attributes\":{\"best_iteration\":\"1\"},"
    "\"feature_names\":[\"amount\",\"country\"],\"feature_types\":[\"float\",\"c\"],\n"
    "\"gradient_booster\":{\"model\":{\"cats\":{\"enc\":[{\"offsets\":[],\"values\":[]},"
    "{\"offsets\":[0,2,4,6],\"values\":[68,69,70,82,85,83]}],"
    "\"feature_segments\":[0,0,3],\"sorted_idx\":[0,1,2]},"
    "\"gbtree_model_param\":{\"num_parallel_tree\":\"1\",\"num_trees\":\"2\"},"
    "\"iteration_indptr\":[0,1,2],\"tree_info\":[0,0],\"trees\":[\n"
    "{\"base_weights\":[0E0,0E0,0E0,0E0,0E0],\"categories\":[1],\"categories_nodes\":[1],"
    "\"categories_segments\":[0],\"categories_sizes\":[1],\"default_left\":[1,1,0,0,0],\"id\":0,"
    "\"left_children\":[1,3,-1,-1,-1],\"loss_changes\":[1E0,1E0,0E0,0E0,0E0],"
    "\"parents\":[2147483647,0,0,1,1],\"right_children\":[2,4,-1,-1,-1],"
    "\"split_conditions\":[1E1,1E-45,5E-1,-5E-1,1E0],\"split_indices\":[0,1,0,0,0],"
    "\"split_type\":[0,1,0,0,0],\"sum_hessian\":[9E1,6E1,3E1,4E1,2E1],\"tree_param\":"
    "{\"num_deleted\":\"0\",\"num_feature\":\"2\",\"num_nodes\":\"5\",\"size_leaf_vector\":\"1\"}},"
    "\n"
    "{\"base_weights\":[0E0,0E0,0E0],\"categories\":[],\"categories_nodes\":[],"
    "\"categories_segments\":[],\"categories_sizes\":[],\"default_left\":[0,0,0],\"id\":1,"
    "\"left_children\":[1,-1,-1],\"loss_changes\":[1E0,0E0,0E0],"
    "\"parents\":[2147483647,0,0],\"right_children\":[2,-1,-1],"
    "\"split_conditions\":[1E2,-2.5E-1,2.5E-1],\"split_indices\":[0,0,0],"
    "\"split_type\":[0,0,0],\"sum_hessian\":[9E1,6E1,3E1],\"tree_param\":"
    "{\"num_deleted\":\"0\",\"num_feature\":\"2\",\"num_nodes\":\"3\",\"size_leaf_vector\":\"1\"}}"
    "\n"
    "]},\"name\":\"gbtree\"},\"learner_model_param\":{\"base_score\":\"[2.5E-1]\","
    "\"boost_from_average\":\"1\",\"num_class\":\"0\",\"num_feature\":\"2\",\"num_target\":\"1\"},"
    "\"objective\":{\"name\":\"binary:logistic\"}},\"version\":[3,2,0]}";

void xgboost_case_ubjson(struct text *out)
{
    json_t *json = json_loads(xgboost_case, 0, NULL);
    ubjson_write(json, out);
    json_decref(json);
}
