"""The weights of the features, as they were fitted.

Logistic regression (L2) over the candidates of held-out places; a feature that a
release adds has to be fitted with all others. The numbers are data: `benchmarks/context` makes
and judges them.
"""

from __future__ import annotations

WEIGHTS: dict[str, float] = {
    "bias": -8.6025,
    "imported": 1.5408,
    "imported_near": -0.2020,
    "imported_unused": 3.4712,
    "of_module": -0.5968,
    "of_module_near": 0.9972,
    "of_module_common": 0.3469,
    "visible": 0.4424,
    "visible_attribute": 1.8467,
    "inherited": 1.0847,
    "of_type": 0.6390,
    "of_type_near": 1.3417,
    "of_result": -0.2771,
    "type_near": 0.3777,
    "of_receiver": 0.8844,
    "pair": 0.6793,
    "pair_alike": 0.8778,
    "pair_receiver": 2.2289,
    "alike_files": 1.2240,
    "alike_windows": 2.5141,
    "after_alike_line": 1.4661,
    "imported_alike": -0.1429,
    "imported_beside": -0.3382,
    "common": 0.6610,
    "only_one": 0.7339,
    "same_folder": -0.6375,
    "file_imported": 1.4896,
    "far": -0.2344,
    "member": -2.0368,
    "member_after_dot": -0.6610,
    "member_without_dot": 0.2263,
    "type_after_dot": 0.1034,
    "class": -0.3673,
    "function": 0.3978,
    "field": 0.0468,
    "variable": -0.0857,
    "private": 0.0000,
    "long_name": 0.0000,
    "file_alike": 0.7372,
    "parent_visible": 0.2162,
    "starts_as_typed": 0.0000,
}
"""By feature, in the order of `features.FEATURES`."""
