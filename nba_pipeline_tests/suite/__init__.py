"""The tests of the tests: warnings, prepared homes, which command runs which test."""
