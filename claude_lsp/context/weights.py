"""The weights of the features, as they were fitted.

Logistic regression (L2) over the candidates of held-out places; a feature that a
release adds has to be fitted with all others. The numbers are data: `benchmarks/context` makes
and judges them.
"""

from __future__ import annotations

WEIGHTS: dict[str, float] = {
    "bias": -7.2000,
    "imported": 1.4000,
    "imported_near": 0.0000,
    "imported_unused": 4.4000,
    "of_module": -0.5000,
    "of_module_near": 0.4000,
    "of_module_common": 0.0000,
    "visible": 1.9000,
    "visible_attribute": 1.1000,
    "inherited": 0.8000,
    "of_type": 0.0000,
    "of_type_near": 1.7000,
    "of_result": 0.0000,
    "type_near": 0.6000,
    "of_receiver": 0.9000,
    "pair": 1.1000,
    "pair_alike": 1.2000,
    "pair_receiver": 0.9000,
    "alike_files": 2.4000,
    "alike_windows": 0.0000,
    "after_alike_line": 0.0000,
    "imported_alike": 0.0000,
    "imported_beside": 0.0000,
    "common": -0.6000,
    "only_one": 0.0000,
    "same_folder": -0.2000,
    "file_imported": 1.8000,
    "far": -0.3000,
    "member": -1.4000,
    "member_after_dot": -0.2000,
    "member_without_dot": 0.0000,
    "type_after_dot": -0.5000,
    "class": -0.5000,
    "function": 0.5000,
    "field": 0.2500,
    "variable": -0.2000,
    "private": -0.6000,
    "long_name": -0.4000,
    "file_alike": 0.0000,
    "parent_visible": 0.0000,
    "starts_as_typed": 0.0000,
}
"""By feature, in the order of `features.FEATURES`."""
