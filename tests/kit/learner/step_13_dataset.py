from torch.utils.data import Dataset


class CustomDataset(Dataset):
    def __init__(self, x_tensor, y_tensor):
        assert len(x_tensor) == len(y_tensor)
        self.x = x_tensor
        self.y = y_tensor

    def __getitem__(self, index):
        return (self.x[index], self.y[index])

    def __len__(self):
        return len(self.x)
