"""The map as a transform of torch, flowjax and distrax; each library is imported when it is asked for."""
